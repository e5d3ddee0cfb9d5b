/** The types of the chart library, which the server serves as `page/uplot.js`. */
// oxlint-disable-next-line import/no-default-export -- it is what the library has
export { default } from "uplot"
