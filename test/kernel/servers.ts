// Servers that others have written, in a test's own network.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Namespace, Running } from "./namespace.js";

/** The kernel's address on the interface `wire`, where the servers are. */
export const SERVER = "10.0.0.1";

/** Makes the TAP interface `wire`, with the kernel's address. */
export async function makeWire(network: Namespace): Promise<void> {
  const commands = `ip tuntap add dev wire mode tap && ip addr add ${SERVER}/24 dev wire && ip link set wire up`;
  await network.runWell("sh", ["-c", commands]);
}

/** Starts dnsmasq, with an empty list of leases in `folder`. It knows web.test, with aliases, and `hosts`, lines of a hosts
 * file. T2 is 6 s, and T1 5 s then: the shortest lease that it gives is two minutes. */
export async function startDnsmasq(
  network: Namespace,
  folder: string,
  hosts: readonly string[],
  ...options: string[]
): Promise<Running> {
  writeFileSync(join(folder, "hosts"), `${[`${SERVER} web.test`, ...hosts].join("\n")}\n`);
  rmSync(join(folder, "leases"), { force: true });
  const server = network.start("dnsmasq", [
    ...["--no-daemon", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--log-queries", "--log-dhcp"],
    ...["--interface=wire", "--bind-interfaces", "--no-resolv", "--no-hosts", "--local=/test/"],
    ...[
      `--addn-hosts=${join(folder, "hosts")}`,
      "--cname=alias.test,web.test",
      "--cname=other.test,alias.test",
    ],
    ...[`--dhcp-leasefile=${join(folder, "leases")}`, "--dhcp-option=59,6"],
    ...["--no-ping", "--dhcp-authoritative", "--domain=test", ...options],
  ]);
  await server.says("read ");
  return server;
}

/** Starts nginx with one page, at SERVER's port 80. */
export async function startNginx(network: Namespace, folder: string, page: Uint8Array): Promise<Running> {
  mkdirSync(join(folder, "www"));
  writeFileSync(join(folder, "www/index.html"), page);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  const config = `daemon off; master_process off; user root; pid ${join(folder, "pid")}; error_log stderr; events {}
    http { types { text/html html; } access_log off; ${paths.join(" ")}
      server { listen ${SERVER}:80; root ${join(folder, "www")}; } }`;
  writeFileSync(join(folder, "nginx.conf"), config);
  const nginx = network.start("nginx", ["-c", join(folder, "nginx.conf")]);
  const retry = ["--retry", "20", "--retry-connrefused", "--retry-delay", "1"];
  await network.runWell("curl", ["-sS", ...retry, `http://${SERVER}/`]);
  expect(nginx.child.exitCode).toBe(null);
  return nginx;
}
