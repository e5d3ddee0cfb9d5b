/** The setting that switches pipelining on. */
import type { SettingsInput } from "../../src/services/config/settings/Settings.ts"

export const pipelined: SettingsInput = { pool: { pipeline: 32 } }
