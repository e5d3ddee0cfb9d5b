/** The testing kit: scripted sessions, a throw-away PostgreSQL, and a proxy that breaks connections on purpose. */
export * from "../services/embedded/FakeSupavisor.ts"
export * from "./FaultProxy.ts"
export * from "./ScriptedSessions.ts"
export * from "./TestPostgres.ts"
