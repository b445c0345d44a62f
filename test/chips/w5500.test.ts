import { expect, test } from "vitest";
import { W5500 } from "../../host/chips/w5500.js";
import { bench, exchange, frameTo, OWN } from "./support.js";

test("smoke", () => {
  const { chip, far } = bench((clock) => new W5500({ clock }));
  expect(exchange(chip, [0, 0x39, 0, 0])[3]).toBe(4);
  for (let n = 0; n < 8; n++) {
    exchange(chip, [0, 0x1e, ((4 * n + 1) << 3) | 4, n ? 0 : 16, n ? 0 : 16]);
  }
  exchange(chip, [0, 0, 8 | 4, 0x84]);
  exchange(chip, [0, 9, 4, ...OWN]);
  exchange(chip, [0, 1, 8 | 4, 1]);
  expect(exchange(chip, [0, 3, 8, 0])[3]).toBe(0x42);
  exchange(chip, [0, 0x18, 4, 1]);
  far.give(frameTo(OWN));
  expect(chip.interrupt).toBe(true);
  expect(exchange(chip, [0, 0x26, 8, 0, 0]).slice(3)).toEqual([0, 62]);
  expect(exchange(chip, [0, 0, 24, ...new Array(62).fill(0)]).slice(3)).toEqual([0, 62, ...frameTo(OWN)]);
  exchange(chip, [0, 0x28, 12, 0, 62]);
  exchange(chip, [0, 1, 12, 0x40]);
  expect(exchange(chip, [0, 0x26, 8, 0, 0]).slice(3)).toEqual([0, 0]);
  exchange(chip, [0, 0, (2 << 3) | 4, ...frameTo(OWN)]);
  exchange(chip, [0, 0x24, 12, 0, 60]);
  exchange(chip, [0, 1, 12, 0x20]);
  expect(far.taken).toEqual([frameTo(OWN)]);
});
