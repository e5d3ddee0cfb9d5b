/** Installs this package into a folder as npm would. */
import { copyFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "rolldown"
import shipped from "../rolldown.config.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Builds the package's JavaScript into the folder and copies package.json next to it. */
export const install = async (folder: string): Promise<void> => {
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(root, "package.json"), join(folder, "package.json"))
  for (const part of shipped) {
    await build({ ...part, cwd: root, output: { ...part.output, dir: join(folder, "dist") } })
  }
}
