/** The one place that knows how the layer is told to pipeline. */
import type { SettingsInput } from "../../src/services/config/settings/Settings.ts"

/** Undefined while the layer has no such setting; the pipelined contenders take part as soon as it is given here. */
export const pipelined: SettingsInput | undefined = { pool: { pipeline: 32 } }
