/** Type bytes of the server's messages (PostgreSQL docs, "Message Formats"). */
export const BIND_COMPLETE = 0x32
export const NOTIFICATION = 0x41
export const COMMAND_COMPLETE = 0x43
export const DATA_ROW = 0x44
export const ERROR_RESPONSE = 0x45
export const COPY_IN = 0x47
export const COPY_OUT = 0x48
export const EMPTY_QUERY = 0x49
export const BACKEND_KEY_DATA = 0x4b
export const NOTICE = 0x4e
export const AUTHENTICATION = 0x52
export const PARAMETER_STATUS = 0x53
export const ROW_DESCRIPTION = 0x54
export const COPY_BOTH = 0x57
export const PORTAL_SUSPENDED = 0x73
export const READY_FOR_QUERY = 0x5a
export const NO_DATA = 0x6e
