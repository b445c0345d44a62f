// The calls on datagram sockets: what they do, and the table of misuse.

import { beforeEach, describe, expect, test } from "vitest";
import { EndpointLayout } from "../../../host/abi.js";
import { CONFIG, Device, Event, Family, Option, octets, PEER, SocketKind, Status, toPort } from "./stage.js";

let device: Device;
let socket: number;

beforeEach(() => {
  device = new Device();
  device.knowPeer();
  socket = device.open();
});

const localPort = (handle: number) => {
  expect(device.abi.getopt(handle, Option.LOCAL_ENDPOINT, device.exchange, EndpointLayout.size)).toBe(24);
  return device.readEndpoint().port;
};

describe("open and end", () => {
  test("as many as are configured, and again when one is given back", () => {
    const others = [device.open(), device.open()];
    expect(device.abi.open(SocketKind.DATAGRAM)).toBe(Status.NO_SOCKET);
    expect(new Set([socket, ...others].map((handle) => handle & 0xffff))).toEqual(new Set([4, 5, 6]));
    expect(device.abi.close(others[0] as number)).toBe(Status.OK);
    const again = device.open();
    expect([again & 0xffff, again === others[0]]).toEqual([(others[0] as number) & 0xffff, false]);
  });

  test("nothing of a socket's last use is left", () => {
    device.abi.bind(socket, device.endpoint(7));
    device.setWord(socket, Option.BROADCAST, 1);
    device.setWord(socket, Option.TTL, 9);
    device.udp(toPort(7));
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    expect(device.abi.abort(socket)).toBe(Status.OK);
    const again = device.open();
    expect(localPort(again)).toBe(0);
    expect(device.receive(again)).toBe(Status.WOULD_BLOCK);
    expect([device.getWord(again, Option.BROADCAST), device.getWord(again, Option.TTL)]).toEqual([0, 0]);
    expect(device.abi.sendCommit(again, 0)).toBe(Status.NOT_CONNECTED);
    expect(device.events(again)).toBe(0);
  });

  test("close lets go what is in the queue, abort does not", () => {
    for (const end of ["close", "abort"] as const) {
      const handle = device.open(7);
      expect(device.sendTo(handle, octets(3), 9)).toBe(Status.OK);
      expect(device.sendTo(handle, octets(4), 9)).toBe(Status.OK);
      expect(device.abi[end](handle)).toBe(Status.OK);
      expect(device.abi[end](handle)).toBe(Status.BAD_HANDLE);
      const sent = [device.next(), device.next()].map(
        (packet) => packet?.kind === "udp" && packet.udp.payload.length,
      );
      expect(sent).toEqual(end === "close" ? [3, 4] : [false, false]);
      expect(device.next()).toBeUndefined();
      // The port is free at once, and the record in the end.
      device.abi.close(device.open(7));
    }
    expect(device.open()).toBeGreaterThan(0);
    expect(device.open()).toBeGreaterThan(0);
  });
});

describe("bind and freePort", () => {
  test("one socket for a port", () => {
    expect(device.abi.bind(socket, device.endpoint(53))).toBe(Status.OK);
    expect(device.abi.bind(socket, device.endpoint(54))).toBe(Status.ALREADY_CONNECTED);
    expect(device.abi.bind(device.open(), device.endpoint(53))).toBe(Status.ADDRESS_IN_USE);
    expect(localPort(socket)).toBe(53);
  });

  test("port 0 is an ephemeral one, as is that of a socket that sends unbound", () => {
    expect(device.abi.bind(socket, device.endpoint(0))).toBe(Status.OK);
    const other = device.open();
    expect(device.sendTo(other, octets(1), 9)).toBe(Status.OK);
    const ports = [localPort(socket), localPort(other)];
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(49152);
    expect(ports[0]).not.toBe(ports[1]);
    expect(device.nextUdp().udp.sourcePort).toBe(ports[1]);
  });

  test("freePort gives other ports each time, none that is taken", () => {
    const { freePort } = device.core.functions("udp/user", "freePort");
    const seen = new Set(Array.from({ length: 100 }, () => freePort()));
    expect(seen.size).toBeGreaterThan(95);
    for (const port of seen) expect(port >= 49152 && port <= 65535).toBe(true);
    // Two sockets hold the first two of one that counts on from a start that is known.
    const { randomBlocks } = device.core.state;
    const first = freePort();
    device.abi.bind(socket, device.endpoint(first));
    device.core.state.randomBlocks = randomBlocks;
    expect(freePort()).toBe(first === 65535 ? 49152 : first + 1);
  });
});

describe("sendTo", () => {
  test.each([0, 1, 4, 100, 504])("%i octets leave as one datagram", (length) => {
    device.abi.bind(socket, device.endpoint(1234));
    expect(device.sendTo(socket, octets(length), 9)).toBe(Status.OK);
    const { ipv4, udp, ethernet } = device.nextUdp();
    expect([ipv4.source, ipv4.destination, ipv4.ttl, ipv4.dontFragment]).toEqual([
      "10.0.0.1",
      "10.0.0.2",
      64,
      true,
    ]);
    expect([udp.sourcePort, udp.destinationPort, ethernet.destination]).toEqual([1234, 9, PEER.mac]);
    expect(udp.payload).toEqual(octets(length));
    expect(device.next()).toBeUndefined();
  });

  test("a run is used once", () => {
    const room = device.fill(socket, octets(300));
    expect(room).toBe(CONFIG.datagramQueueBytes - 8);
    const at = device.core.header.runPointer;
    expect(device.abi.sendTo(socket, device.endpoint(9, PEER.address), at, 300)).toBe(Status.OK);
    expect(device.nextUdp().udp.payload).toEqual(octets(300));
    // The next one is elsewhere.
    expect(device.abi.sendTo(socket, device.endpoint(9, PEER.address), at, 100)).toBe(
      Status.INVALID_ARGUMENT,
    );
  });

  test("data elsewhere is refused", () => {
    device.fill(socket, octets(300));
    const run = device.core.header.runPointer;
    const endpoint = device.endpoint(9, PEER.address);
    for (const at of [
      0,
      4,
      run + 4,
      run - 8,
      device.exchange + 1,
      device.core.header.inputSlot + 2,
      0xfffffffc,
    ])
      expect(device.abi.sendTo(socket, endpoint, at, 8), `${at}`).toBe(Status.INVALID_ARGUMENT);
    expect(device.abi.sendTo(socket, endpoint, run, 505)).toBe(Status.TOO_LONG);
    expect(device.next()).toBeUndefined();
  });

  test("a run stays where it is, and as long, while others leave", () => {
    // Two datagrams leave 512 - 208 - 208; a third one has no more.
    for (let count = 0; count < 2; count++) {
      device.fill(socket, octets(200));
      const at = device.core.header.runPointer;
      expect(device.abi.sendTo(socket, device.endpoint(9, PEER.address), at, 200)).toBe(Status.OK);
    }
    expect(device.fill(socket, octets(88))).toBe(88);
    const at = device.core.header.runPointer;
    device.nextUdp();
    device.nextUdp();
    expect(device.abi.sendTo(socket, device.endpoint(9, PEER.address), at, 89)).toBe(Status.WOULD_BLOCK);
    expect(device.abi.sendTo(socket, device.endpoint(9, PEER.address), at, 88)).toBe(Status.OK);
    expect(device.nextUdp().udp.payload).toEqual(octets(88));
  });

  test("longer than the network takes, or the queue holds, is TOO_LONG", () => {
    const large = new Device({ datagramQueueBytes: 4096 });
    large.knowPeer();
    const handle = large.open();
    expect(large.fill(handle, octets(1472))).toBe(1472);
    const at = large.core.header.runPointer;
    expect(large.abi.sendTo(handle, large.endpoint(9, PEER.address), at, 1473)).toBe(Status.TOO_LONG);
    expect(large.abi.sendTo(handle, large.endpoint(9, PEER.address), at, 1472)).toBe(Status.OK);
    const { udp, ipv4 } = large.nextUdp();
    expect([ipv4.totalBytes, udp.payload]).toEqual([1500, octets(1472)]);
  });

  test("the peer of a connected socket is the one it sends to", () => {
    device.fill(socket, octets(4));
    const at = device.core.header.runPointer;
    expect(device.abi.sendTo(socket, 0, at, 4)).toBe(Status.NOT_CONNECTED);
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    expect(device.sendTo(socket, octets(4), 10)).toBe(Status.ALREADY_CONNECTED);
    expect(device.abi.sendTo(socket, 0, at, 4)).toBe(Status.OK);
    expect(device.nextUdp().udp).toMatchObject({ destinationPort: 9, payload: octets(4) });
    expect(device.abi.connect(socket, device.endpoint(11, PEER.address))).toBe(Status.OK);
    device.fill(socket, octets(5));
    expect(device.abi.sendCommit(socket, 5)).toBe(Status.OK);
    expect(device.nextUdp().udp).toMatchObject({ destinationPort: 11, payload: octets(5) });
  });
});

describe("sendReserve", () => {
  test("WOULD_BLOCK when the queue is full; WRITABLE when there is more room", () => {
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    expect(device.fill(socket, octets(504))).toBe(504);
    expect(device.abi.sendCommit(socket, 504)).toBe(Status.OK);
    expect(device.events(socket)).toBe(0);
    expect(device.abi.sendReserve(socket)).toBe(Status.WOULD_BLOCK);
    expect(device.abi.sendTo(socket, 0, device.core.header.runPointer, 0)).toBe(Status.WOULD_BLOCK);
    expect(device.events(socket)).toBe(0);
    device.nextUdp();
    expect(device.events(socket)).toBe(Event.WRITABLE);
    expect(device.abi.sendReserve(socket)).toBe(504);
    // Nobody waits: no event.
    expect(device.abi.sendCommit(socket, 1)).toBe(Status.OK);
    device.nextUdp();
    expect(device.events(socket)).toBe(0);
  });

  test("where no octet has room an empty datagram may have", () => {
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    device.fill(socket, octets(496));
    expect(device.abi.sendCommit(socket, 496)).toBe(Status.OK);
    expect(device.abi.sendReserve(socket)).toBe(Status.WOULD_BLOCK);
    expect(device.abi.sendTo(socket, 0, 0, 1)).toBe(Status.WOULD_BLOCK);
    // It lies anywhere, beyond all memory, too.
    expect(device.abi.sendTo(socket, 0, 0xfffffff0, 0)).toBe(Status.OK);
    expect(device.abi.sendTo(socket, 0, 0, 0)).toBe(Status.WOULD_BLOCK);
    expect([device.nextUdp().udp.payload.length, device.nextUdp().udp.payload.length]).toEqual([496, 0]);
  });

  test("again gives the same run; sendCommit of too much is refused", () => {
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    device.abi.sendReserve(socket);
    const { runPointer } = device.core.header;
    device.abi.sendReserve(socket);
    expect(device.core.header.runPointer).toBe(runPointer);
    for (const length of [505, 0x7fffffff, 0xffffffff])
      expect(device.abi.sendCommit(socket, length)).toBe(Status.TOO_LONG);
    expect(device.abi.sendCommit(socket, 504)).toBe(Status.OK);
    expect(device.abi.sendCommit(socket, 1)).toBe(Status.WOULD_BLOCK);
  });
});

describe("connect", () => {
  test("a connected socket hears its peer alone; family NONE ends that", () => {
    device.abi.bind(socket, device.endpoint(7));
    device.udp(toPort(7, octets(1), 8));
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    // What others sent before is gone.
    expect(device.abi.receivePeek(socket)).toBe(Status.WOULD_BLOCK);
    device.udp(toPort(7, octets(2), 8));
    device.udp(toPort(7, octets(3), 9), { source: "10.0.0.3" });
    expect(device.counter("UDP_NO_SOCKET")).toBe(2);
    device.udp(toPort(7, octets(4), 9));
    expect(device.abi.receivePeek(socket)).toBe(4);
    expect(device.receive(socket)).toEqual({ data: [...octets(4)], from: "10.0.0.2:9" });
    expect(device.abi.connect(socket, device.endpoint(0, "0.0.0.0", Family.NONE))).toBe(Status.OK);
    expect(device.abi.receivePeek(socket)).toBe(Status.NOT_CONNECTED);
    device.udp(toPort(7, octets(5), 8));
    expect(device.receive(socket)).toEqual({ data: [...octets(5)], from: "10.0.0.2:8" });
  });

  test("LOCAL_ENDPOINT and PEER_ENDPOINT", () => {
    expect(device.abi.connect(socket, device.endpoint(9, PEER.address))).toBe(Status.OK);
    expect(device.abi.getopt(socket, Option.PEER_ENDPOINT, device.exchange, 24)).toBe(24);
    expect(device.readEndpoint()).toEqual({ address: "10.0.0.2", port: 9, family: Family.IPV4 });
    expect(localPort(socket)).toBeGreaterThanOrEqual(49152);
    expect(device.readEndpoint().address).toBe("10.0.0.1");
  });
});

describe("receiveFrom and receiveConsume", () => {
  test("one datagram at a time, whole, in order, an empty one too", () => {
    device.abi.bind(socket, device.endpoint(7));
    for (const length of [3, 0, 100]) device.udp(toPort(7, octets(length), 1000 + length));
    expect(device.events(socket)).toBe(Event.READABLE);
    expect(device.abi.receiveFrom(socket, device.exchange)).toBe(3);
    expect(device.abi.receiveFrom(socket, device.exchange)).toBe(3);
    for (const length of [4, 0x7fffffff, 0xffffffff, 0x80000000])
      expect(device.abi.receiveConsume(socket, length)).toBe(Status.INVALID_ARGUMENT);
    // Who reads a part takes all of it.
    expect(device.abi.receiveConsume(socket, 1)).toBe(Status.OK);
    expect(device.receive(socket)).toEqual({ data: [], from: "10.0.0.2:1000" });
    expect(device.receive(socket)).toEqual({ data: [...octets(100)], from: "10.0.0.2:1100" });
    expect(device.receive(socket)).toBe(Status.WOULD_BLOCK);
    expect(device.abi.receiveConsume(socket, 0)).toBe(Status.INVALID_ARGUMENT);
  });
});

describe("misuse", () => {
  const { BAD_HANDLE, INVALID_ARGUMENT, NOT_SUPPORTED } = Status;

  test("every call with a handle that is none", () => {
    const stale = device.open();
    device.abi.close(stale);
    const stream = device.abi.open(SocketKind.STREAM);
    const listener = device.abi.open(SocketKind.LISTENER);
    const at = device.endpoint(9, PEER.address);
    for (const handle of [0, -1, stale, socket + 0x10000, socket + 0x80000000, 7, 8, 0xffff]) {
      for (const call of ["sendReserve", "receivePeek", "close", "abort"] as const)
        expect(device.abi[call](handle), `${call} ${handle}`).toBe(BAD_HANDLE);
      for (const call of ["bind", "connect", "sendCommit", "receiveConsume", "receiveFrom"] as const)
        expect(device.abi[call](handle, at), `${call} ${handle}`).toBe(BAD_HANDLE);
      expect(device.abi.sendTo(handle, at, at, 0)).toBe(BAD_HANDLE);
      expect(device.abi.setopt(handle, Option.TTL, at, 4)).toBe(BAD_HANDLE);
      expect(device.abi.getopt(handle, Option.TTL, at, 4)).toBe(BAD_HANDLE);
    }
    for (const handle of [stream, listener]) {
      expect(device.abi.sendTo(handle, at, at, 0)).toBe(BAD_HANDLE);
      expect(device.abi.receiveFrom(handle, at)).toBe(BAD_HANDLE);
    }
    for (const call of ["accept", "shutdown"] as const) expect(device.abi[call](socket)).toBe(BAD_HANDLE);
    for (const call of ["listen", "send", "receive"] as const)
      expect(device.abi[call](socket, 1)).toBe(BAD_HANDLE);
  });

  test("endpoints that nobody can send to", () => {
    const refused: [number, string, number, number][] = [
      [0, PEER.address, Family.IPV4, INVALID_ARGUMENT],
      [9, "0.0.0.0", Family.IPV4, INVALID_ARGUMENT],
      [9, "10.0.0.1", Family.IPV4, INVALID_ARGUMENT],
      [9, "127.0.0.1", Family.IPV4, INVALID_ARGUMENT],
      [9, "240.0.0.1", Family.IPV4, INVALID_ARGUMENT],
      // Without the option.
      [9, "255.255.255.255", Family.IPV4, INVALID_ARGUMENT],
      [9, "10.0.0.255", Family.IPV4, INVALID_ARGUMENT],
      [9, PEER.address, Family.IPV6, NOT_SUPPORTED],
      [9, PEER.address, 99, NOT_SUPPORTED],
    ];
    for (const [port, address, family, status] of refused) {
      const endpoint = device.endpoint(port, address, family);
      expect(device.abi.sendTo(socket, endpoint, device.exchange + 24, 1), address).toBe(status);
      expect(device.abi.connect(socket, endpoint), address).toBe(status);
    }
    expect(
      device.abi.sendTo(socket, device.endpoint(9, PEER.address, Family.NONE), device.exchange + 24, 1),
    ).toBe(NOT_SUPPORTED);
    expect(localPort(socket)).toBe(0);
  });

  test("records that do not lie in the exchange area", () => {
    for (const at of [4, device.exchange + 2, device.exchange + 172, 0xfffffff0]) {
      expect(device.abi.sendTo(socket, at, device.exchange, 1)).toBe(INVALID_ARGUMENT);
      for (const call of ["bind", "connect", "receiveFrom"] as const)
        expect(device.abi[call](socket, at)).toBe(INVALID_ARGUMENT);
    }
    expect(device.abi.receiveFrom(socket, 0)).toBe(INVALID_ARGUMENT);
  });

  test("a core without datagram sockets has none to open", () => {
    expect(new Device({ datagramSockets: 0, datagramQueueBytes: 0 }).abi.open(SocketKind.DATAGRAM)).toBe(
      Status.NO_SOCKET,
    );
  });
});
