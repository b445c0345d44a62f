import { describe, expect, test } from "vitest";
import { macOctets } from "../../../host/packet/index.js";
import {
  type DhcpOption,
  type DhcpSpec,
  decodeDhcp,
  dotted,
  encodeDhcp,
  quad,
  text,
  u16,
  u32,
  udpFrame,
} from "../../services/dhcp_codec.js";
import { address, DEVICE, PEER, UnitCore } from "../core.js";

const FILE = "wire/dhcp";
const core = new UnitCore(null);
const dhcp = core.functions(FILE, "read", "begin", "addWishes", "addRequested", "addServer", "finish");
const AT = 4096;
const OPTIONS = 8192;
const found = core.record<Record<string, number>>(FILE, "DhcpOptions", OPTIONS);

const TYPE: DhcpOption = [53, [5]];

function put(spec: Partial<DhcpSpec> = {}): number {
  const octets = encodeDhcp({ xid: 0x01020304, chaddr: DEVICE.mac, options: [TYPE], ...spec });
  core.memory.fill(0xee, AT, AT + 2000);
  core.memory.set(octets, AT);
  return octets.length;
}

/** Whether there is a type; `found` has it. */
function readOctets(length: number): boolean {
  const type = dhcp.read(AT, length, OPTIONS);
  if (type) expect(type).toBe(found.type);
  return type !== 0;
}

const read = (spec: Partial<DhcpSpec> = {}): boolean => readOctets(put(spec));
const readOptions = (...options: DhcpOption[]): boolean => read({ options: [TYPE, ...options] });

describe("read", () => {
  test("a message with a type", () => {
    expect(read({ yiaddr: "10.1.2.3", ciaddr: "10.4.5.6" })).toBe(true);
    expect(found.type).toBe(5);
    const view = core.record<Record<string, number>>(FILE, "DhcpMessage", AT);
    expect([view.yiaddr, view.ciaddr]).toEqual([address("10.1.2.3"), address("10.4.5.6")]);
    expect(view.xid).toBe(0x04030201);
    expect([view.chaddr0, view.chaddr1]).toEqual([0x00000002, 0x0100]);
  });

  test.each<[string, Partial<DhcpSpec>]>([
    ["a client's", { op: 1 }],
    ["operation 3", { op: 3 }],
    ["another hardware type", { htype: 6 }],
    ["hardware addresses of 8 octets", { hlen: 8 }],
    ["another magic", { cookie: 0x63825364 }],
    ["no type (BOOTP)", { options: [] }],
    ["an empty type", { options: [[53, []]] }],
    ["no end option", { end: false }],
    ["nothing but pads", { options: [[0, []]], end: false }],
  ])("no: %s", (_what, spec) => {
    expect(read(spec)).toBe(false);
  });

  test("hops are the relays' business", () => {
    expect(read({ hops: 3 })).toBe(true);
  });

  test("every length that is too short", () => {
    const length = put({ options: [TYPE, [1, quad("255.255.0.0")]] });
    for (let bytes = 0; bytes < length; bytes++) expect(readOctets(bytes)).toBe(false);
    expect(readOctets(length)).toBe(true);
  });

  test("all that is of use", () => {
    expect(
      readOptions(
        [0, []],
        [1, quad("255.255.252.0")],
        [3, [...quad("10.0.0.254"), ...quad("10.0.0.253")]],
        [6, [...quad("10.0.0.3"), ...quad("10.0.0.4"), ...quad("10.0.0.5")]],
        [15, text("lab.example")],
        [26, u16(1400)],
        [42, quad("10.0.0.6")],
        [51, u32(0x01020304)],
        [54, quad("10.0.0.2")],
        [58, u32(100)],
        [59, u32(0xfffffffe)],
        [12, text("a name")],
        [255 - 1, [1, 2, 3]],
      ),
    ).toBe(true);
    expect({ ...fields() }).toEqual({
      ...{ netmask: address("255.255.252.0"), router: address("10.0.0.254"), ntp: address("10.0.0.6") },
      ...{ dns0: address("10.0.0.3"), dns1: address("10.0.0.4"), server: address("10.0.0.2") },
      ...{
        lease: 0x01020304,
        renew: 100,
        rebind: 0xfffffffe,
        mtu: 1400,
        domainBytes: 11,
        type: 5,
        overload: 0,
      },
    });
    const domain = found.domain as number;
    expect(String.fromCharCode(...core.memory.subarray(domain, domain + 11))).toBe("lab.example");
  });

  test("what is not there is zero, whatever was read before", () => {
    core.memory.fill(0xff, OPTIONS, OPTIONS + core.sizeOf(FILE, "DhcpOptions"));
    expect(read()).toBe(true);
    const { type, ...rest } = fields();
    expect([type, new Set(Object.values(rest))]).toEqual([5, new Set([0])]);
  });

  test("one DNS server is one; a list that is cut in its second loses that", () => {
    expect(readOptions([6, quad("10.0.0.3")])).toBe(true);
    expect([found.dns0, found.dns1]).toEqual([address("10.0.0.3"), 0]);
    expect(readOptions([6, [...quad("10.0.0.3"), 10, 0, 0]])).toBe(true);
    expect([found.dns0, found.dns1]).toEqual([address("10.0.0.3"), 0]);
  });

  test.each([1, 3, 6, 42, 51, 54, 58, 59])("option %i of fewer than four octets lies", (code) => {
    for (const bytes of [1, 2, 3]) expect(readOptions([code, new Array(bytes).fill(1)])).toBe(false);
    expect(readOptions([code, [1, 1, 1, 1]])).toBe(true);
    expect(readOptions([code, [1, 1, 1, 1, 1]])).toBe(true);
  });

  test("an MTU of one octet lies, one of two does not; an option without octets says nothing", () => {
    expect(readOptions([26, [5]])).toBe(false);
    expect(readOptions([26, [5, 0xdc]])).toBe(true);
    expect(readOptions([26, []], [3, []], [15, []], [52, []])).toBe(true);
    expect(fields().mtu).toBe(0);
  });

  test("a length that reaches beyond the message lies, by however little", () => {
    const length = put({ options: [TYPE, [12, [1, 2, 3]]] });
    // Length of option 12: the end option is the octet behind it.
    const at = AT + 240 + 3 + 1;
    expect(core.memory[at]).toBe(3);
    for (const lie of [4, 5, 6, 200, 255]) {
      core.memory[at] = lie;
      expect(readOctets(length)).toBe(false);
    }
  });

  test("a code without a length", () => {
    const length = put({ options: [TYPE, [12, [1]]], end: false });
    expect(readOctets(length - 2)).toBe(false);
  });

  describe("overload", () => {
    const router: DhcpOption = [3, quad("10.0.0.254")];
    const mask: DhcpOption = [1, quad("255.255.0.0")];

    test.each<[number, number, number]>([
      [0, 0, 0],
      [1, address("10.0.0.254"), 0],
      [2, 0, address("255.255.0.0")],
      [3, address("10.0.0.254"), address("255.255.0.0")],
    ])("%i", (value, fromFile, fromName) => {
      const spec = { file: [router], sname: [mask], options: [TYPE, [52, [value]]] as DhcpOption[] };
      expect(read(spec)).toBe(true);
      expect([found.router, found.netmask]).toEqual([fromFile, fromName]);
    });

    test("options may fill both fields to their ends", () => {
      const fill = (bytes: number): DhcpOption => [12, new Array<number>(bytes - 3).fill(1)];
      const spec = { options: [TYPE, [52, [3]]] as DhcpOption[], file: [fill(128)], sname: [fill(64)] };
      expect(read(spec)).toBe(true);
    });

    test("each field has its own end", () => {
      const options: DhcpOption[] = [TYPE, [52, [1]]];
      const length = put({ options, file: [router] });
      core.memory.fill(0, AT + 108, AT + 236);
      expect(readOctets(length)).toBe(false);
      core.memory[AT + 108] = 12;
      core.memory[AT + 109] = 200;
      expect(readOctets(length)).toBe(false);
      core.memory.fill(0, AT + 44, AT + 108);
      core.memory[AT + 108] = 255;
      expect(readOctets(length)).toBe(true);
      expect(read({ options: [TYPE, [52, [2]]] })).toBe(false);
    });

    test("overload in an overloaded field goes no further", () => {
      const options: DhcpOption[] = [TYPE, [52, [1]]];
      expect(read({ options, file: [[52, [3]]], sname: [mask] })).toBe(true);
      expect(found.netmask).toBe(0);
    });
  });

  function fields(): Record<string, number> {
    const names = ["netmask", "router", "dns0", "ntp", "lease", "server", "renew", "rebind", "dns1"];
    const all = [...names, "mtu", "domainBytes", "type", "overload"];
    return Object.fromEntries(all.map((name) => [name, found[name] as number]));
  }
});

describe("what is built", () => {
  const at = 12288;

  /** Between `begin` and `finish`. */
  function built(type: number, add: (place: number) => number, name = "", secs = 3, broadcast = 0) {
    core.memory.fill(0xee, at, at + 1000);
    core.memory.set(macOctets(DEVICE.mac), 20480);
    const start = dhcp.begin(at, type, 0x04030201, secs, broadcast, 20480);
    core.memory.set(text(name), 16384);
    const bytes = dhcp.finish(at, add(start), 16384, name.length);
    const path = { fromMac: DEVICE.mac, toMac: PEER.mac, from: "0.0.0.0", to: "255.255.255.255" };
    const message = decodeDhcp(
      udpFrame({ ...path, fromPort: 68, toPort: 67 }, core.memory.slice(at, at + bytes)),
    );
    if (!message) return expect.fail("no message");
    return message;
  }

  test("what every message has: type and client identifier", () => {
    const message = built(1, (place) => place);
    expect(message).toMatchObject({ type: "DISCOVER", xid: 0x01020304, secs: 3, broadcast: false });
    expect(message).toMatchObject({ chaddr: DEVICE.mac, bytes: 300, ciaddr: "0.0.0.0" });
    expect([...message.options.keys()]).toEqual([53, 61]);
    expect([...(message.options.get(61) ?? [])]).toEqual([1, 2, 0, 0, 0, 0, 1]);
  });

  test("seconds stop at what the field holds; the flag asks for broadcasts", () => {
    expect(built(1, (place) => place, "", 65535).secs).toBe(65535);
    expect(built(1, (place) => place, "", 65536, 1)).toMatchObject({ secs: 65535, broadcast: true });
  });

  test("all options at once, with the longest name", () => {
    const name = "n".repeat(63);
    const message = built(
      3,
      (place) =>
        dhcp.addServer(dhcp.addRequested(dhcp.addWishes(place), address("10.0.0.9")), address("10.0.0.2")),
      name,
    );
    expect([...message.options.keys()]).toEqual([53, 61, 55, 50, 54, 12]);
    const option = (code: number) => message.options.get(code) ?? new Uint8Array();
    expect([...option(55)]).toEqual([1, 3, 6, 15, 26, 42, 58, 59]);
    expect([dotted(option(50)), dotted(option(54))]).toEqual(["10.0.0.9", "10.0.0.2"]);
    expect(String.fromCharCode(...option(12))).toBe(name);
    expect(message.bytes).toBe(346);
  });
});
