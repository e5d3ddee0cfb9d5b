import { type CatalogueEntry, supavisor } from "./Entry.ts"
import { poolerPause } from "./RetryPauses.ts"

const checks = "Supavisor 2.9 source, client_handler/checks.ex"

/** Supavisor's errors about the tenant, the address, TLS and the startup message; a person has to correct them. */
export const supavisorTenantEntries: ReadonlyArray<CatalogueEntry> = [
  supavisor("ENOTFOUND", "configuration", "never", {
    title: "the pooler has no such project",
    explanation:
      "No tenant of this name is on this pooler: the host belongs to another region or cluster, the project " +
      "reference is wrong or missing, or the project is paused or deleted. The password was not checked, and DNS " +
      "worked.",
    remedy:
      "Copy the session pooler's connection string from the dashboard (Connect, Session pooler) and compare host " +
      "(aws-N-REGION) and user (ROLE.REF); do not reset the password.",
    source: "Supavisor 2.9 source, tenants.ex",
    texts: ["(ENOTFOUND) tenant/user <role>.<ref> not found", "Tenant or user not found"]
  }),
  supavisor("ENOIDENTIFIER", "configuration", "never", {
    title: "the user name has no project reference",
    explanation: "The pooler serves many projects and identifies the project by the user name, ROLE.REF.",
    remedy: "Write the user as ROLE.REF, for instance postgres.abcdefghijklmnopqrst, or add options=reference=REF.",
    source: "Supavisor 2.9 source, tenants.ex",
    texts: ["(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)"]
  }),
  supavisor("EMULTIPLEUSERS", "configuration", "never", {
    title: "the pooler has several users of this name",
    explanation: "The tenant's data in the pooler is ambiguous; a client cannot change that.",
    remedy: "Report the message to the operator of the pooler.",
    source: "Supavisor 2.9 source, tenants.ex",
    texts: ["(EMULTIPLEUSERS) multiple users matched for <role>.<ref>, check tenant configuration"]
  }),
  supavisor("EINVALIDUSERINFO", "configuration", "never", {
    title: "the user or database name is not valid",
    explanation: "A name is empty, longer than 63 bytes, or holds characters that cannot be printed.",
    remedy: "Correct user and database in the connection string; percent-encode special characters.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: [
      '(EINVALIDUSERINFO) Authentication error, reason: "Invalid format for user or db_name"',
      'Authentication error, reason: "Invalid format for user or db_name"'
    ]
  }),
  supavisor("EBANNED", "configuration", "never", {
    title: "the operator banned this project from the pooler",
    explanation: "The operator of the pooler banned the project; established sessions are ended with the same message.",
    remedy: "Read the reason in the message, and contact the platform's support.",
    source: checks,
    texts: ["(EBANNED) tenant is banned: <reason>"]
  }),
  supavisor("EADDRNOTALLOWED", "configuration", "never", {
    title: "the project's network restrictions do not allow this address",
    explanation: "The message names the public address that the pooler saw; it is not on the project's allow list.",
    remedy: "Add that address to the network restrictions of the project, or connect from an allowed network.",
    source: checks,
    texts: [
      "(EADDRNOTALLOWED) address not in tenant allow_list: <address>",
      "Address not in tenant allow_list: <address>"
    ]
  }),
  supavisor("ESSLREQUIRED", "configuration", "never", {
    title: "the project accepts TLS connections only",
    explanation: "The client requested a plaintext session, and the project enforces TLS.",
    remedy: "Set DB_SSL_MODE=require or better verify-full.",
    source: checks,
    texts: ["(ESSLREQUIRED) SSL connection is required for user: <role>", "SSL connection is required"]
  }),
  supavisor("ESSLHANDSHAKE", "network", poolerPause, {
    title: "the TLS handshake with the pooler failed",
    explanation:
      "The pooler could not finish the handshake; the message rarely arrives because the stream is broken by then.",
    remedy: "Look for a proxy that changes TLS between here and the pooler.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: ["(ESSLHANDSHAKE) SSL handshake failed: <term>"]
  }),
  supavisor("ESTARTUPMESSAGE", "pooler", poolerPause, {
    title: "the pooler could not read the startup message",
    explanation:
      "The first message was malformed, had no user, or arrived in two pieces, which the pooler does not " +
      "reassemble.",
    remedy:
      "Nothing at first: the login is retried. If it persists, look for a proxy that splits or changes data; other " +
      "clients must connect with a user name and without sslnegotiation=direct or GSS encryption.",
    source: "Supavisor 2.9 source, client_handler.ex",
    texts: ["(ESTARTUPMESSAGE) Invalid startup message: <reason>"]
  }),
  supavisor("ESTARTUPPACKETTOOLARGE", "configuration", "never", {
    title: "the startup message is longer than the pooler allows",
    explanation: "The pooler reads at most 1024 bytes of startup message.",
    remedy: "Shorten application_name and options.",
    source: "Supavisor 2.9 source, protocol.ex",
    texts: ["(ESTARTUPPACKETTOOLARGE) Startup packet too large: <n> bytes (max 1024 bytes)", "Startup packet too large"]
  })
]
