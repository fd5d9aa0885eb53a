/** What a host of an origin is, as far as its spelling says. */

export const FILE_SOCKET =
  'a socket in the file system cannot be reached from a Worker. Give a host name or an IP address.';

/** As libpq writes them: a path, or `@` for Linux's abstract ones. */
export function isFileSocket(host: string): boolean {
  return /^(?:[/@]|unix:)/i.test(host);
}

/** Nothing needs to be looked up. */
export function isAddress(host: string): boolean {
  return host === 'localhost' || /^[\d.]+$/.test(host) || host.includes(':');
}

/** An IPv6 address without its brackets. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
