/** One examination for the command: the settings as the command line says, and the resolver it names. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Doctor, type ExamineOptions, type Report, reportInvalid } from "../../services/doctor/Doctor.ts"
import { NameResolver, resolverAt } from "../../services/doctor/NetworkCheck.ts"
import type { DoctorFlags } from "./DoctorCommand.ts"
import { examinedSettings } from "./ExaminedSettings.ts"

/** Examines once. Settings are read each time: who waits for a correction sees it. */
export type Examine = (options: ExamineOptions) => Effect.Effect<Report>

/** The examination that the flags ask for. */
export const examineWith =
  ({ nameServer, url }: Pick<DoctorFlags, "nameServer" | "url">): Examine =>
  (options) =>
    Effect.flatMap(Doctor, (doctor) => doctor.examine(options)).pipe(
      Effect.provide(Doctor.layer.pipe(Layer.provide(examinedSettings(url)))),
      Effect.catchTag("SessionError", reportInvalid),
      Effect.provide(
        Option.match(nameServer, {
          onNone: () => Layer.empty,
          onSome: (server) => Layer.succeed(NameResolver, resolverAt([server]))
        })
      )
    )
