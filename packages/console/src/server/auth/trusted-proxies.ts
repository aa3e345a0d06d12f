import { BlockList, isIP } from "node:net";
import { ConfigurationError } from "lovage";

/** Proxies of `--trust-proxy`: addresses, or ranges as in `10.0.0.0/8`. Only what they say about a request is believed. */
export class TrustedProxies {
  readonly #ranges = new BlockList();
  readonly isEmpty: boolean;

  /** Throws a `ConfigurationError` for what is neither an address nor a range. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry.trim());
    this.isEmpty = entries.length === 0;
  }

  has(address: string): boolean {
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && this.#ranges.check(plain, version === 6 ? "ipv6" : "ipv4");
  }

  /**
   * Who really asks: the nearest address of `X-Forwarded-For` that is no trusted proxy. What stands left of it was written by anybody.
   */
  clientOf(socketAddress: string, forwardedFor: string | null): string {
    const chain = [...(forwardedFor ?? "").split(",").map((each) => each.trim()), socketAddress].filter(
      (each) => each !== "",
    );
    for (const address of chain.reverse()) {
      const plain = plainAddress(address);
      if (!this.has(plain)) return isIP(plain) === 0 ? plainAddress(socketAddress) : plain;
    }
    return plainAddress(socketAddress);
  }

  #add(entry: string): void {
    const [address = "", bits, ...rest] = entry.split("/");
    const version = isIP(address);
    const most = version === 6 ? 128 : 32;
    const isGood =
      version !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
    if (!isGood) {
      throw new ConfigurationError(
        `--trust-proxy ${JSON.stringify(entry)} is neither an address nor a range such as 10.0.0.0/8`,
        { code: "console_bad_trust_proxy" },
      );
    }
    this.#ranges.addSubnet(address, bits === undefined ? most : Number(bits), version === 6 ? "ipv6" : "ipv4");
  }
}

/** IPv4 clients of an IPv6 socket come as `::ffff:10.0.0.1`. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
