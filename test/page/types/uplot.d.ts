/** The chart library as the server hands it out: `page/uplot.js` is its own module, whose types are these. */
// oxlint-disable-next-line import/no-default-export -- it is what the library has
export { default } from "uplot"
