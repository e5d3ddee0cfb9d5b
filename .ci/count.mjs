// Prints "passed failed" from vitest's JSON report: node .ci/count.mjs <report> <exit code of vitest>.
import * as Fs from "node:fs"

const [, , file, exitCode] = process.argv

const count = () => {
  if (!Fs.existsSync(file)) return { passed: 0, failed: 1 }
  const report = JSON.parse(Fs.readFileSync(file, "utf8"))
  // A file that could not be loaded fails without a single failed test in it.
  const broken = report.testResults.filter(
    (result) => result.status === "failed" && !result.assertionResults.some((test) => test.status === "failed")
  )
  const failed = report.numFailedTests + broken.length
  // An unhandled rejection or a crash makes vitest fail although no test did.
  return { passed: report.numPassedTests, failed: failed === 0 && exitCode !== "0" ? 1 : failed }
}

const { passed, failed } = count()
console.log(`${passed} ${failed}`)
