const tuple = /\{(\d{1,5}(?:, ?\d{1,5}){3}(?:(?:, ?\d{1,5}){4})?)\}/g

const ipv4Groups = 4
const maxOctet = 255
const maxGroup = 0xffff

/** An IPv4 peer on an IPv6 socket: five zero groups, then ffff (RFC 4291, 2.5.5.2). */
const isMapped = (groups: ReadonlyArray<number>): boolean =>
  groups.slice(0, 5).every((group) => group === 0) && groups[5] === maxGroup

const printIpv4 = (octets: ReadonlyArray<number>): string => octets.join(".")

/** The longest run of zero groups becomes `::`, the first one when several are as long (RFC 5952, 4.2). */
const printIpv6 = (groups: ReadonlyArray<number>): string => {
  let start = 0
  let length = 0
  for (let from = 0; from < groups.length; from++) {
    let to = from
    while (groups[to] === 0) to += 1
    if (to - from > length) {
      start = from
      length = to - from
    }
  }
  const hex = (part: ReadonlyArray<number>): string => part.map((group) => group.toString(16)).join(":")
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

const printTuple = (whole: string, list: string): string => {
  const numbers = list.split(",").map(Number)
  if (numbers.length === ipv4Groups) return numbers.every((number) => number <= maxOctet) ? printIpv4(numbers) : whole
  if (!numbers.every((number) => number <= maxGroup)) return whole
  if (!isMapped(numbers)) return printIpv6(numbers)
  return printIpv4(numbers.slice(6).flatMap((group) => [group >> 8, group & maxOctet]))
}

/**
 * Prints the Erlang address tuples of a text as addresses: `{192, 0, 2, 7}` becomes `192.0.2.7`, eight numbers become
 * IPv6. Only in texts about the pooler's allow list, because PostgreSQL writes arrays in the same braces.
 */
export const printAddresses = (text: string): string =>
  text.includes("allow_list") ? text.replace(tuple, printTuple) : text
