// SYN-SENT. RFC 9293 section 3.10.7.3. There is no receive window yet: only the ACK field tells right from wrong.

import { stateTable } from "../table.js";

export const SYN_SENT = stateTable({
  segments: `
  SYN inside                           | SYN_RECEIVED | SYN,ACK |                      |           | 3.10.7.3, fourth: simultaneous open
  SYN outside                          | SYN_RECEIVED | SYN,ACK |                      |           | 3.10.7.3, fourth: simultaneous open
  SYN repeated                         | SYN_RECEIVED | SYN,ACK |                      |           | 3.10.7.3, fourth: simultaneous open
  SYN+ACK                              | ESTABLISHED  | ACK +1  |                      | CONNECTED | 3.10.7.3, fourth
  SYN+FIN                              | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | deviates: RFC 9293 would keep the FIN; no host sends this but a scanner
  RST at RCV.NXT                       | SYN_SENT     | none    | TCP_RST_OUTSIDE      |           | 3.10.7.3, second: no ACK
  RST inside                           | SYN_SENT     | none    | TCP_RST_OUTSIDE      |           | 3.10.7.3, second: no ACK
  RST outside left                     | SYN_SENT     | none    | TCP_RST_OUTSIDE      |           | 3.10.7.3, second: no ACK
  RST outside right                    | SYN_SENT     | none    | TCP_RST_OUTSIDE      |           | 3.10.7.3, second: no ACK
  RST+ACK at RCV.NXT                   | CLOSED       | none    | TCP_RESETS_IN        | FAILED    | 3.10.7.3, second: the ACK was acceptable
  RST+ACK inside                       | CLOSED       | none    | TCP_RESETS_IN        | FAILED    | 3.10.7.3, second: the ACK was acceptable
  RST+ACK beyond SND.NXT               | SYN_SENT     | none    | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first: unless the RST bit is set
  ACK ancient                          | SYN_SENT     | RST     | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first
  ACK old                              | SYN_SENT     | RST     | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first
  ACK duplicate                        | SYN_SENT     | RST     | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first
  ACK of a part                        | SYN_SENT     | RST     | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first
  ACK current                          | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  ACK just beyond SND.NXT              | SYN_SENT     | RST     | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first
  ACK beyond SND.NXT                   | SYN_SENT     | RST     | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first
  no flags                             | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  all flags                            | CLOSED       | none    | TCP_RESETS_IN        | FAILED    | 3.10.7.3, second: a reset with an acceptable ACK
  empty at the last octet              | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  empty at the right edge              | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  empty beyond the right edge          | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  empty outside left                   | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  FIN                                  | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  FIN acknowledging all                | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  FIN with data                        | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  FIN out of order                     | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  FIN repeated                         | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  FIN at the right edge                | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  FIN without ACK                      | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  data inside                          | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  data overlapping left                | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  data overlapping the right edge      | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  data outside left                    | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  data outside right                   | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  data out of order                    | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  data acknowledging what was not sent | SYN_SENT     | RST     | TCP_ACK_UNACCEPTABLE |           | 3.10.7.3, first
  data without ACK                     | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
  URG                                  | SYN_SENT     | none    | TCP_BAD_FLAGS        |           | 3.10.7.3, fifth: neither SYN nor RST
`,
  calls: `
  OPEN     | SYN_SENT | ALREADY_CONNECTED | none |  | 3.10.1: connection already exists
  SEND     | SYN_SENT | OK                | none |  | 3.10.2: queued until ESTABLISHED
  RECEIVE  | SYN_SENT | WOULD_BLOCK       | none |  | 3.10.3: queued until ESTABLISHED
  SHUTDOWN | SYN_SENT | OK                | none |  | 3.10.4 for one direction: the FIN is queued
  CLOSE    | CLOSED   | OK                | none |  | 3.10.4: delete the TCB
  ABORT    | CLOSED   | OK                | none |  | 3.10.5: delete the TCB
  STATUS   | SYN_SENT | SYN_SENT          | none |  | 3.10.6
`,
});
