/** For tests: scripted sessions, a PostgreSQL for tests, FakeSupavisor, and a proxy that injects network faults. */
export * from "../services/embedded/FakeSupavisor.ts"
export * from "./FaultProxy.ts"
export * from "./ScriptedSessions.ts"
export * from "./TestPostgres.ts"
