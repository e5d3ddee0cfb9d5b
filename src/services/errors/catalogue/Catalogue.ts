export { classify } from "./Classify.ts"
export { entries, entryOf } from "./Entries.ts"
export type { CatalogueEntry, ErrorClass, FailureFacts, Phase } from "./Entry.ts"
export { factsOf } from "./FailureFacts.ts"
