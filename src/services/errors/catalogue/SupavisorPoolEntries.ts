import { type CatalogueEntry, define, supavisor } from "./Entry.ts"
import { capacityPause, databaseCoolDown, poolerPause } from "./RetryPauses.ts"

const notReached = "Supavisor writes this code to its own log; a client should not receive it."

const logOnly = (code: string, title: string): CatalogueEntry =>
  define(code, "pooler", poolerPause, {
    title,
    explanation: notReached,
    remedy: "Try again; if it persists, report it with the pooler's message.",
    source: "Supavisor 2.9 source, lib/supavisor/errors",
    matchers: { poolerCode: code }
  })

/** Supavisor's errors about its pools, its workers and the database behind it. */
export const supavisorPoolEntries: ReadonlyArray<CatalogueEntry> = [
  supavisor("EMAXCONNSESSION", "capacity", capacityPause, {
    title: "the pooler grants no more sessions",
    explanation:
      "As many clients hold a session of this pool as its pool_size allows. Since 2.8 the pooler refuses at once " +
      "instead of queueing; the number in the message is the size of the pool for this role, database and mode.",
    remedy:
      "Keep the sum of DB_POOL_MAX over all processes of this role below the pool size, or raise the pool size in " +
      "the database settings of the project.",
    source: "Supavisor 2.9 source, errors/max_connections_error.ex",
    texts: [
      "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: <n>",
      "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size"
    ]
  }),
  supavisor("EMAXCONN", "capacity", capacityPause, {
    title: "the pooler accepts no more clients",
    explanation:
      "The tenant's limit of client connections is reached. Poolers before November 2024 sent the same message " +
      "when the sessions were used up.",
    remedy: "Open fewer connections in all processes together, or move to a compute size that allows more clients.",
    source: "Supavisor 2.9 source, errors/max_connections_error.ex",
    texts: ["(EMAXCONN) max client connections reached, limit: <n>", "Max client connections reached"]
  }),
  supavisor("ECHECKOUTTIMEOUT", "capacity", capacityPause, {
    title: "the pooler had no free database connection in time",
    explanation:
      "The login was accepted, but no worker was free within the pool's checkout time, or the worker could not " +
      "reach PostgreSQL within 15 s.",
    remedy: "Hold sessions for a shorter time, or check whether the database accepts connections at all.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: [
      "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after <ms>ms in <mode> mode",
      "Unable to check out connection from the pool",
      "Unable to check out process from the pool"
    ]
  }),
  supavisor("ECHECKOUTRETRIES", "pooler", poolerPause, {
    title: "the pooler's workers died while one was being checked out",
    explanation: "Three workers in a row ended during the checkout.",
    remedy: "Try again; if it persists, check whether the database refuses or drops the pooler's connections.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: ["(ECHECKOUTRETRIES) failed to check out a connection after multiple retries"]
  }),
  supavisor("EPOOLCHECKOUT", "pooler", poolerPause, {
    title: "the pooler's pool process died during the checkout",
    explanation: "The process that manages the pool ended during the request for a connection.",
    remedy: "Try again; if it persists, report it with the pooler's message.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: ["(EPOOLCHECKOUT) pool checkout failed: <term>"]
  }),
  supavisor("ECHECKOUTFAILED", "pooler", databaseCoolDown, {
    title: "PostgreSQL refused the pooler's connection",
    explanation:
      "The worker could not log in to PostgreSQL. The pooler normally passes PostgreSQL's own error on without a code.",
    remedy: "Read the message: it holds PostgreSQL's reason.",
    source: "Supavisor 2.9 source, errors/checkout_error.ex",
    texts: ["(ECHECKOUTFAILED) checkout failed due to <term>"]
  }),
  define("POOLER_CANNOT_REACH_DATABASE", "pooler", databaseCoolDown, {
    title: "the pooler cannot reach PostgreSQL",
    explanation:
      "The pooler's connection to PostgreSQL was refused, timed out or did not log in within 15 s; the pooler " +
      "waits 2.5 s before it tries again.",
    remedy:
      "Check whether the database runs (paused or restarting project, compute change); the pool opens new sessions " +
      "by itself.",
    source: "Supavisor 2.9 source, db_handler.ex",
    matchers: { texts: ["Failed to connect to database: <term>"] }
  }),
  supavisor("EPOOLTERMINATING", "pooler", poolerPause, {
    title: "the pooler is stopping this pool",
    explanation:
      "The pool drains because its settings changed or the database shuts down; a new pool starts within seconds.",
    remedy: "Nothing: the next login gets the new pool.",
    source: "Supavisor 2.9 source, errors/pool_terminating_error.ex",
    texts: ["(EPOOLTERMINATING) pool terminating: <message>"]
  }),
  supavisor("ESUBSCRIBERETRIES", "pooler", poolerPause, {
    title: "the pooler could not start the pool",
    explanation: "The pool's process did not start within ten seconds.",
    remedy: "Try again; if it persists, check the status page of the platform.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: [
      "(ESUBSCRIBERETRIES) failed to subscribe to tenant after multiple retries. Terminating",
      "Failed to subscribe to tenant after multiple retries"
    ]
  }),
  supavisor("EDBHANDLEREXITED", "pooler", poolerPause, {
    title: "the pooler lost the database connection of this session",
    explanation:
      "The worker behind the session ended, so the effect of a statement in flight is unknown. Poolers up to 2.7 " +
      "send raw Erlang terms in its place, and send the same message when PostgreSQL refuses a new connection.",
    remedy: "Open another session; look at the database's log if it happens often.",
    source: "Supavisor 2.9 source, errors/db_handler_exited_error.ex",
    texts: [
      "(EDBHANDLEREXITED) DbHandler exited. Check logs for more information",
      "DbHandler exited",
      "Connection to database closed",
      "{:shutdown, <term>}"
    ]
  }),
  supavisor("EPROXYSTARTFAILED", "pooler", poolerPause, {
    title: "the pooler could not reach the node that holds the pool",
    explanation: "Clients are forwarded to the node of their pool, and that connection did not start.",
    remedy: "Try again; if it persists, check the status page of the platform.",
    source: "Supavisor 2.9 source, client_handler/proxy.ex",
    texts: ["(EPROXYSTARTFAILED) failed to start proxy connection", "Failed to start proxy connection"]
  }),
  supavisor("EPROXYSUPERVISORUNAVAILABLE", "pooler", poolerPause, {
    title: "the pooler could not forward the client to the pool's node",
    explanation: "The process that supervises connections between nodes was missing.",
    remedy: "Try again; if it persists, check the status page of the platform.",
    source: "Supavisor 2.9 source, client_handler/proxy.ex",
    texts: ["(EPROXYSUPERVISORUNAVAILABLE) proxy supervisor unavailable after retries", "Proxy supervisor unavailable"]
  }),
  supavisor("EMAXPOOLSREACHED", "configuration", "never", {
    title: "the project has too many different pools",
    explanation:
      "Every combination of role, database, mode, search_path and TLS is a pool of its own, and a node holds at most " +
      "50 of them for a tenant (20 before 2.9.5).",
    remedy: "Use fewer roles and databases, and set search_path by SQL instead of in the connection string.",
    source: "Supavisor 2.9 source, supavisor.ex",
    texts: ["(EMAXPOOLSREACHED) max pools count reached", "Max pools count reached"]
  }),
  define("POOLER_INTERNAL", "pooler", poolerPause, {
    title: "the pooler had an internal error",
    explanation: "An error without a code; the term after the context is Erlang's.",
    remedy: "Try again; if it persists, report it with the pooler's message.",
    source: "Supavisor 2.9 source, client_handler/error.ex",
    matchers: { texts: ["Internal error (<context>): <term>"] }
  }),
  logOnly("ECLIENTSOCKETCLOSED", "the client's connection to the pooler closed"),
  logOnly("EWORKERNOTFOUND", "the pool's worker was not found"),
  logOnly("EPOOLCONFIGNOTFOUND", "the pool's configuration was not found"),
  logOnly("EPOOLRANCHNOTFOUND", "the pool's listener was not found")
]
