import { beforeEach, describe, expect, test } from "vitest";
import { BROADCAST_MAC, decodeEthernet, encodeEthernet, macOctets } from "../../../host/packet/index.js";
import { DEVICE, PEER, UnitCore } from "../core.js";

const IPV4 = 0x0800;

let core: UnitCore;
let link: ReturnType<typeof linkOf>;

function linkOf(unit: UnitCore) {
  return unit.functions(
    "net/link",
    "receive",
    "isBroadcast",
    "emit",
    "lastFour",
    "inputPayload",
    "outputPayload",
  );
}

beforeEach(() => {
  core = new UnitCore();
  link = linkOf(core);
});

function put(destination: string, source: string = PEER.mac, type = IPV4): number {
  return core.putFrame(encodeEthernet({ destination, source, type, payload: Uint8Array.of(1, 2) }));
}

/** A MAC as a Neighbour has it. */
function halves(mac: string): [number, number] {
  const view = new DataView(macOctets(mac).buffer);
  return [view.getUint32(0, true), view.getUint16(4, true)];
}

describe("receive", () => {
  test.each([0, 1, 13])("%i octets are too short", (length) => {
    put(DEVICE.mac);
    expect(link.receive(length)).toBe(0);
    expect(core.counters()).toEqual({ LINK_TOO_SHORT: 1 });
  });

  test.each([0x0800, 0x0806, 0x86dd, 0x8100, 0x05dc])("gives the type %i as on the wire", (type) => {
    put(DEVICE.mac, PEER.mac, type);
    expect(link.receive(14)).toBe(((type & 0xff) << 8) | (type >> 8));
    expect(core.counters()).toEqual({});
  });

  test("broadcasts are ours, and known as such", () => {
    link.receive(put(DEVICE.mac));
    expect(link.isBroadcast()).toBe(0);
    expect(link.receive(put(BROADCAST_MAC))).not.toBe(0);
    expect(link.isBroadcast()).toBe(1);
  });

  test("a destination that differs in any bit is not ours", () => {
    for (const [index, octet] of macOctets(DEVICE.mac).entries()) {
      for (let bit = 0; bit < 8; bit++) {
        const mac = macOctets(DEVICE.mac);
        mac[index] = octet ^ (1 << bit);
        const length = put(DEVICE.mac);
        core.memory.set(mac, core.header.inputSlot);
        expect(link.receive(length), `octet ${index}, bit ${bit}`).toBe(0);
      }
    }
    expect(core.counters()).toEqual({ LINK_NOT_OURS: 48 });
  });

  test.each([
    "01:00:5f:00:00:01",
    "33:33:00:00:00:01",
    "ff:ff:ff:ff:ff:fe",
    "ff:fe:ff:ff:ff:ff",
    // Half ours and half broadcast.
    "ff:ff:00:00:00:01",
    "02:00:ff:ff:ff:ff",
  ])("%s is not ours", (destination) => {
    expect(link.receive(put(destination))).toBe(0);
    expect(core.counters()).toEqual({ LINK_NOT_OURS: 1 });
  });

  test.each([DEVICE.mac, BROADCAST_MAC, "01:00:5f:00:00:01", "03:00:00:00:00:02"])(
    "nobody else sends from %s",
    (source) => {
      expect(link.receive(put(DEVICE.mac, source))).toBe(0);
      expect(core.counters()).toEqual({ LINK_BAD_SOURCE: 1 });
    },
  );

  test.each(["02:00:00:00:00:00", "02:00:00:00:01:01", "02:00:00:01:00:01", "06:00:00:00:00:01"])(
    "%s is a neighbour",
    (source) => {
      expect(link.receive(put(DEVICE.mac, source))).not.toBe(0);
    },
  );
});

test("emit writes a header that the codec reads", () => {
  const [mac0, mac1] = halves("06:77:88:99:aa:bb");
  link.emit(mac0, mac1, 0x0608);
  const frame = decodeEthernet(core.outputFrame(14));
  expect(frame).toMatchObject({ destination: "06:77:88:99:aa:bb", source: DEVICE.mac, type: 0x0806 });
});

test("lastFour of the halves of a MAC", () => {
  const octets = macOctets("06:77:88:99:aa:bb");
  expect(link.lastFour(...halves("06:77:88:99:aa:bb"))).toBe(new DataView(octets.buffer).getUint32(2, true));
});

test("payloads begin behind the header, 4-aligned", () => {
  expect(link.inputPayload()).toBe(core.header.inputSlot + 14);
  expect(link.outputPayload()).toBe(core.header.outputSlot + 14);
  expect(link.inputPayload() % 4).toBe(0);
  expect(link.outputPayload() % 4).toBe(0);
});
