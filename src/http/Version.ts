/** The version of this package, from its own manifest. */
import * as Fs from "node:fs"

/** The manifest is two folders up, from the sources and from the built files (`rolldown.config.ts`). */
const manifestUrl = new URL("../../package.json", import.meta.url)

const manifest: { readonly version: string } = JSON.parse(Fs.readFileSync(manifestUrl, "utf8"))

export const version: string = manifest.version
