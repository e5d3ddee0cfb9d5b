/** How the program ends, for scripts and supervisors: 0 when all is well, else one of these. */

/** Something did not work. */
export const EXIT_FAILURE = 1

/** Nothing was attempted: the usage is wrong or a setting cannot be used. */
export const EXIT_INVALID = 2
