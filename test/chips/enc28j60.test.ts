import { expect, test } from "vitest";
import { Enc28j60 } from "../../host/chips/enc28j60.js";
import { bench, exchange, frameTo, OTHER, OWN } from "./support.js";

test("smoke", () => {
  const { chip, far } = bench((clock) => new Enc28j60({ clock }));
  const bank = (n: number) => {
    exchange(chip, [0xbf, 3]);
    exchange(chip, [0x9f, n]);
  };
  const w = (a: number, v: number) => {
    bank(a >> 5);
    exchange(chip, [0x40 | (a & 31), v]);
  };
  const w16 = (a: number, v: number) => {
    w(a, v & 255);
    w(a + 1, v >> 8);
  };
  bank(3);
  expect(exchange(chip, [0x12, 0])[1]).toBe(6);
  w16(0x08, 0);
  w16(0x0a, 0x17ff);
  w16(0x0c, 0x17ff);
  w(0x40, 1);
  w(0x42, 0x33);
  w16(0x4a, 1518);
  w(0x64, 2);
  w(0x65, 0);
  w(0x62, 0);
  w(0x63, 0);
  w(0x60, 0);
  w(0x61, 5);
  w(0x54, 0);
  w16(0x56, 0x100);
  exchange(chip, [0x9f, 4]);
  exchange(chip, [0x80 | 0x1b, 0xc0]);
  far.give(frameTo(OWN));
  expect(chip.interrupt).toBe(true);
  w16(0, 0);
  const rx = exchange(chip, [0x3a, ...new Array(70).fill(0)]).slice(1);
  expect(rx.slice(0, 4)).toEqual([70, 0, 64, 0]);
  expect(rx.slice(6, 66)).toEqual([...frameTo(OWN)]);
  w16(2, 0x1800);
  exchange(chip, [0x7a, 0, ...frameTo(OTHER)]);
  w16(4, 0x1800);
  w16(6, 0x1800 + 60);
  exchange(chip, [0x9f, 8]);
  expect(far.taken).toEqual([frameTo(OTHER)]);
});
