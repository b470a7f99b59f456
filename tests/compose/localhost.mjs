// Names under `localhost` are this machine (RFC 6761 §6.3). Browsers and curl know that; Node asks the system's resolver,
// which on many a machine does not.

import dns from 'node:dns';

const lookup = dns.lookup;
dns.lookup = (host, options, callback) => {
  if (!host.endsWith('.localhost')) return lookup(host, options, callback);
  const done = callback ?? options;
  const address = { address: '127.0.0.1', family: 4 };
  return process.nextTick(() => (options.all ? done(null, [address]) : done(null, address.address, address.family)));
};
