// Preload for tools that use TypeScript as a library: version 7 is native and has no such library, so they get the
// version 6 that API Extractor depends on. Remove this file when the tools support version 7.
import { createRequire, registerHooks } from "node:module"
import { pathToFileURL } from "node:url"

const { resolve } = createRequire(createRequire(import.meta.url).resolve("@microsoft/api-extractor/package.json"))
const urls = new Map(["typescript", "typescript/package.json"].map((name) => [name, pathToFileURL(resolve(name)).href]))

registerHooks({
  resolve: (specifier, context, next) =>
    urls.has(specifier) ? { url: urls.get(specifier), shortCircuit: true } : next(specifier, context)
})
