// The info column of DHCP messages, RFC 2131, as Wireshark writes it.

/** Where the transaction's number is, and behind the magic cookie the options. */
const XID_AT = 4;
const OPTIONS_AT = 240;

const PAD = 0;
const END = 255;
const MESSAGE_TYPE = 53;

/** Names of the message types, as wide as Wireshark makes them. */
const TYPES: Readonly<Record<number, string>> = {
  1: "Discover",
  2: "Offer   ",
  3: "Request ",
  4: "Decline ",
  5: "ACK     ",
  6: "NAK     ",
  7: "Release ",
  8: "Inform  ",
};

/** "DHCP Discover - Transaction ID 0x12345678" of a message. */
export function describeDhcp(message: Uint8Array): string {
  const type = messageType(message);
  const xid = Buffer.from(message.subarray(XID_AT, XID_AT + 4)).toString("hex");
  const what = TYPES[type ?? 0] ?? `Unknown (${type})`;
  return `DHCP ${what} - Transaction ID 0x${xid.replace(/^0+(?=.)/, "")}`;
}

function messageType(message: Uint8Array): number | undefined {
  for (let at = OPTIONS_AT; at < message.length && message[at] !== END; ) {
    if (message[at] === MESSAGE_TYPE) return message[at + 2];
    at += message[at] === PAD ? 1 : 2 + (message[at + 1] ?? 0);
  }
  return undefined;
}
