// The device's application, played by the script.

import { Event, Option, TcpState } from "../../host/abi.js";
import { type ConnectionInfo, CoreError, statusName } from "../../host/core.js";
import { octetsOf } from "./segment.js";
import type { Stage } from "./stage.js";

const STATE_NAMES = Object.keys(TcpState) as (keyof typeof TcpState)[];
export type StateName = keyof typeof TcpState;
export type EventName = keyof typeof Event;
export type OptionName = keyof typeof Option;
const EVENT_NAMES = Object.keys(Event) as EventName[];

/** Who waits to read or write is woken by what ends the waiting, too. */
const WAKES: Partial<Record<EventName, readonly EventName[]>> = {
  CONNECTED: ["WRITABLE"],
  PEER_CLOSED: ["READABLE"],
  CLOSED: ["READABLE", "WRITABLE"],
  FAILED: ["READABLE", "WRITABLE"],
};

class Handle {
  constructor(
    protected readonly stage: Stage,
    readonly handle: number,
  ) {}

  /** Exactly these events came since this was asked last; a wake-up that one of them implies may come with it. */
  expectEvents(...names: EventName[]): void {
    const mask = this.stage.takeEvents(this.handle);
    const implied = names.flatMap((name) => WAKES[name] ?? []);
    const came = EVENT_NAMES.filter(
      (name) => mask & Event[name] && (names.includes(name) || !implied.includes(name)),
    );
    const [is, should] = [came, names].map((list) => [...list].sort().join(", ") || "none");
    if (is !== should) this.stage.fail(`events are ${is}, should be ${should}`);
  }

  close(): void {
    this.stage.call("close()", (core) => core.close(this.handle));
  }
}

export class Listener extends Handle {
  /** The connection that waits; the script fails when none does. */
  accept(): Socket {
    const handle = this.stage.call("accept()", (core) => core.accept(this.handle));
    if (handle === undefined) return this.stage.fail("no connection to accept");
    return new Socket(this.stage, handle);
  }

  /** No connection waits. */
  expectNoneToAccept(): void {
    const handle = this.stage.call("accept()", (core) => core.accept(this.handle));
    if (handle !== undefined) this.stage.fail("there is a connection to accept");
  }
}

export class Socket extends Handle {
  #written = 1;
  #read = 1;

  get info(): ConnectionInfo {
    return this.stage.core.tcpInfo(this.handle);
  }

  /** This is what tcpInfo says of the connection. */
  expectInfo(wanted: Partial<ConnectionInfo>): void {
    const { info } = this;
    for (const [name, should] of Object.entries(wanted) as [keyof ConnectionInfo, number][])
      if (info[name] !== should) this.stage.fail(`${name} is ${info[name]}, should be ${should}`);
  }

  set(name: OptionName, value: number): void {
    this.stage.call(`setopt(${name}, ${value})`, (core) => core.setOption(this.handle, Option[name], value));
  }

  expectOption(name: OptionName, should: number): void {
    const is = this.stage.core.getOption(this.handle, Option[name]);
    if (is !== should) this.stage.fail(`option ${name} is ${is}, should be ${should}`);
  }

  get state(): StateName {
    const { state } = this.info;
    return STATE_NAMES.find((name) => TcpState[name] === state) ?? this.stage.fail(`state ${state}`);
  }

  expectState(name: StateName): void {
    if (this.state !== name) this.stage.fail(`the state is ${this.state}, should be ${name}`);
  }

  /** Writes all of it: a number is that many octets of the stream's pattern. */
  write(data: number | string | Uint8Array): void {
    const octets = octetsOf(data, this.#written);
    const written = this.writeSome(octets);
    if (written !== octets.length) this.stage.fail(`only ${written} bytes could be written`);
  }

  /** Writes as much as fits, and returns how much that was. */
  writeSome(data: number | string | Uint8Array): number {
    const octets = octetsOf(data, this.#written);
    const written = this.stage.call(`write(${octets.length})`, (core) => core.write(this.handle, octets));
    this.#written += written;
    return written;
  }

  /** Reads exactly these octets, however many runs they come in; a number is that much of the stream's pattern. */
  read(data: number | string | Uint8Array): void {
    const wanted = octetsOf(data, this.#read);
    const got = new Uint8Array(wanted.length);
    // One reading of the application, in as many runs as the ring makes of it.
    this.stage.holdOutput(() => {
      for (let length = 0; length < got.length; ) {
        const left = got.length - length;
        const run = this.stage.call(`read(${left})`, (core) => core.read(this.handle, left));
        if (run === undefined || run.length === 0)
          return this.stage.fail(`only ${length} of ${got.length} bytes can be read`);
        got.set(run, length);
        length += run.length;
      }
    });
    const place = got.findIndex((octet, index) => octet !== wanted[index]);
    if (place >= 0) this.stage.fail(`the data read differ at byte ${place}`);
    this.#read += got.length;
  }

  /** Nothing can be read now, and the peer may still send. */
  expectNothingToRead(): void {
    const run = this.stage.call("read()", (core) => core.read(this.handle));
    if (run !== undefined)
      this.stage.fail(run.length === 0 ? "the stream has ended" : "there is data to read");
  }

  /** All was read and the peer has ended its stream. */
  expectEnd(): void {
    const run = this.stage.call("read()", (core) => core.read(this.handle));
    if (run === undefined) this.stage.fail("the stream has not ended");
    else if (run.length > 0) this.stage.fail("there is data to read");
  }

  /** The connection failed: the reason, and what every use of it now says. */
  expectError(status: string): void {
    const error = statusName(this.stage.core.error(this.handle));
    if (error !== status) this.stage.fail(`the socket's error is ${error}, should be ${status}`);
    try {
      this.stage.call("read()", (core) => core.read(this.handle));
    } catch (thrown) {
      if (!(thrown instanceof CoreError) || statusName(thrown.status) !== status) throw thrown;
      return;
    }
    this.stage.fail("a failed connection can still be read");
  }

  shutdown(): void {
    this.stage.call("shutdown()", (core) => core.shutdown(this.handle));
  }

  abort(): void {
    this.stage.call("abort()", (core) => core.abort(this.handle));
  }
}

/** Where a datagram goes, or comes from, and its data. */
export interface DatagramAt {
  readonly address: string;
  readonly port: number;
  readonly data: Uint8Array | string;
}

export class DatagramSocket extends Handle {
  get port(): number {
    return this.stage.core.localAddress(this.handle).port;
  }

  /** Talks to one peer alone from now on. */
  connect(address: string, port: number): void {
    this.stage.call(`connect(${address}:${port})`, (core) => core.connect(this.handle, { address, port }));
  }

  /** Has no peer from now on. */
  disconnect(): void {
    this.stage.call("disconnect()", (core) => core.disconnect(this.handle));
  }

  set(name: OptionName, value: number): void {
    this.stage.call(`setopt(${name}, ${value})`, (core) => core.setOption(this.handle, Option[name], value));
  }

  member(group: string, joins: boolean): void {
    const what = `${joins ? "join" : "leave"}(${group})`;
    this.stage.call(what, (core) => core.setMembership(this.handle, group, joins));
  }

  /** Sends a datagram, without an address to the peer of a connected socket; false: there is no room. */
  trySend(data: DatagramAt["data"], to?: { readonly address: string; readonly port: number }): boolean {
    const octets = octetsOf(data, 0);
    const what = `sendTo(${to ? `${to.address}:${to.port}` : "peer"}, ${octets.length})`;
    return this.stage.call(what, (core) => core.sendTo(this.handle, octets, to));
  }

  /** As `trySend`; the script fails when there is no room. */
  send(data: DatagramAt["data"], to?: { readonly address: string; readonly port: number }): void {
    if (!this.trySend(data, to)) this.stage.fail("there is no room to send");
  }

  /** The next datagram that came is this one. */
  receive(wanted: DatagramAt): void {
    const came = this.stage.call("receiveFrom()", (core) => core.receiveFrom(this.handle));
    const told = ({ address, port, data }: DatagramAt) =>
      `${address}:${port} ${Buffer.from(octetsOf(data, 0)).toString("hex")}`;
    const [is, should] = [came ? told(came) : "none", told(wanted)];
    if (is !== should) this.stage.fail(`the datagram is ${is}, should be ${should}`);
  }

  expectNothing(): void {
    const came = this.stage.call("receiveFrom()", (core) => core.receiveFrom(this.handle));
    if (came) this.stage.fail(`a datagram of ${came.data.length} bytes has come`);
  }

  /** What is told once of a datagram that did not arrive. */
  expectError(status: string): void {
    const error = statusName(this.stage.core.error(this.handle));
    if (error !== status) this.stage.fail(`the error is ${error}, should be ${status}`);
  }
}
