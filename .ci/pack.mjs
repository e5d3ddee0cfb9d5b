// What `npm pack` ships differs in two files from the repository: AGENTS.md is the one for users of the package, and the
// links of README.md and CHANGELOG.md are absolute. `node .ci/pack.mjs before` writes them, `after` restores the
// originals; npm runs both (prepack, postpack).
import * as Fs from "node:fs"
import * as Path from "node:path"

const BACKUP = Path.join("node_modules", ".cache", "effect-supavisor-unpacked")
const FILES = ["AGENTS.md", "README.md", "CHANGELOG.md"]

const restore = () => {
  if (!Fs.existsSync(BACKUP)) return
  for (const file of FILES) Fs.copyFileSync(Path.join(BACKUP, file), file)
  Fs.rmSync(BACKUP, { recursive: true })
}

const { repository } = JSON.parse(Fs.readFileSync("package.json", "utf8"))
const base = repository.url.replace(/^git\+/, "").replace(/\.git$/, "")

/** A link to a file becomes one to the repository's page of it; an image's becomes one to the image. */
const absolute = (text) =>
  text
    .replaceAll(/(!\[[^\]]*\]\()(?!https?:|#)([^)\s]+)/g, `$1${base}/raw/main/$2`)
    .replaceAll(/(\]\()(?!https?:|mailto:|#)([^)\s]+)/g, `$1${base}/blob/main/$2`)

// After an interrupted run the originals are in the backup.
restore()
if (process.argv[2] === "before") {
  Fs.mkdirSync(BACKUP, { recursive: true })
  for (const file of FILES) Fs.copyFileSync(file, Path.join(BACKUP, file))
  Fs.copyFileSync(Path.join("docs", "consumer", "AGENTS.md"), "AGENTS.md")
  for (const file of ["README.md", "CHANGELOG.md"]) Fs.writeFileSync(file, absolute(Fs.readFileSync(file, "utf8")))
}
