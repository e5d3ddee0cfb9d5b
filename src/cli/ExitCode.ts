/** Exit codes of the program other than 0. */

export const EXIT_FAILURE = 1

/** Wrong usage or invalid settings; nothing was attempted. */
export const EXIT_INVALID = 2
