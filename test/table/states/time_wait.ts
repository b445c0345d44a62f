// TIME-WAIT: an entry of 32 octets; the connection's handle is still open, and the listener, too. RFC 9293 section
// 3.10.7.4 with RFC 1337 and 6191.

import { stateTable } from "../table.js";

export const TIME_WAIT = stateTable({
  segments: `
  SYN inside                           | SYN_RECEIVED | SYN,ACK     |                                         |  | RFC 6191 2: no timestamps, and a number beyond the last
  SYN outside                          | TIME_WAIT    | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |  | RFC 6191 2; RFC 5961 4.2
  SYN repeated                         | TIME_WAIT    | ACK         | TCP_OUTSIDE_WINDOW? TCP_SYN_CHALLENGED? |  | RFC 6191 2; RFC 5961 4.2
  SYN+ACK                              | TIME_WAIT    | ACK         | TCP_SYN_CHALLENGED?                     |  | 3.10.7.4, fourth; RFC 5961 4.2
  SYN+FIN                              | TIME_WAIT    | none or ACK | TCP_SYN_CHALLENGED? TCP_BAD_FLAGS?      |  | deviates: 3.10.7.4, fourth, answers it; LISTEN takes no SYN with FIN, nor does TIME-WAIT
  RST at RCV.NXT                       | TIME_WAIT    | none        | TCP_TIME_WAIT_RST                       |  | RFC 1337 3: a reset does not end TIME-WAIT
  RST inside                           | TIME_WAIT    | none        | TCP_TIME_WAIT_RST                       |  | RFC 1337 3: a reset does not end TIME-WAIT
  RST outside left                     | TIME_WAIT    | none        | TCP_RST_OUTSIDE? TCP_TIME_WAIT_RST?     |  | 3.10.7.4, first
  RST outside right                    | TIME_WAIT    | none        | TCP_RST_OUTSIDE? TCP_TIME_WAIT_RST?     |  | 3.10.7.4, first
  RST+ACK at RCV.NXT                   | TIME_WAIT    | none        | TCP_TIME_WAIT_RST                       |  | RFC 1337 3: a reset does not end TIME-WAIT
  RST+ACK inside                       | TIME_WAIT    | none        | TCP_TIME_WAIT_RST                       |  | RFC 1337 3: a reset does not end TIME-WAIT
  RST+ACK beyond SND.NXT               | TIME_WAIT    | none        | TCP_TIME_WAIT_RST                       |  | RFC 1337 3: a reset does not end TIME-WAIT
  ACK ancient                          | TIME_WAIT    | none or ACK | TCP_ACK_UNACCEPTABLE?                   |  | RFC 5961 5.2 answers it; RFC 9293 does not
  ACK old                              | TIME_WAIT    | none        |                                         |  | 3.10.7.4, fifth: nothing new
  ACK duplicate                        | TIME_WAIT    | none        |                                         |  | 3.10.7.4, fifth: nothing new
  ACK of a part                        | TIME_WAIT    | none        |                                         |  | 3.10.7.4, fifth: nothing new
  ACK current                          | TIME_WAIT    | none        |                                         |  | 3.10.7.4, fifth: nothing new
  ACK just beyond SND.NXT              | TIME_WAIT    | none or ACK | TCP_ACK_UNACCEPTABLE?                   |  | RFC 5961 5.2 answers it; RFC 9293 does not
  ACK beyond SND.NXT                   | TIME_WAIT    | none or ACK | TCP_ACK_UNACCEPTABLE?                   |  | RFC 5961 5.2 answers it; RFC 9293 does not
  no flags                             | TIME_WAIT    | none        | TCP_NO_ACK?                             |  | 3.10.7.4, fifth
  all flags                            | TIME_WAIT    | none        | TCP_TIME_WAIT_RST                       |  | RFC 1337 3: a reset does not end TIME-WAIT
  empty at the last octet              | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth: nothing new, an ACK does no harm
  empty at the right edge              | TIME_WAIT    | ACK soon    | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, first
  empty beyond the right edge          | TIME_WAIT    | ACK soon    | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, first
  empty outside left                   | TIME_WAIT    | ACK soon    | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, first
  FIN                                  | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
  FIN acknowledging all                | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
  FIN with data                        | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
  FIN out of order                     | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
  FIN repeated                         | TIME_WAIT    | ACK         | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, first; the FIN is acknowledged again
  FIN at the right edge                | TIME_WAIT    | ACK         | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, first; the FIN is acknowledged again
  FIN without ACK                      | TIME_WAIT    | none or ACK | TCP_NO_ACK?                             |  | 3.10.7.4, fifth: dropped; an ACK does no harm
  data inside                          | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
  data overlapping left                | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
  data overlapping the right edge      | TIME_WAIT    | none or ACK | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, fifth to eighth: only a FIN can come
  data outside left                    | TIME_WAIT    | ACK         | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, first; the FIN is acknowledged again
  data outside right                   | TIME_WAIT    | ACK         | TCP_OUTSIDE_WINDOW?                     |  | 3.10.7.4, first; the FIN is acknowledged again
  data out of order                    | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
  data acknowledging what was not sent | TIME_WAIT    | none or ACK | TCP_ACK_UNACCEPTABLE?                   |  | 3.10.7.4, fifth to eighth: only a FIN can come
  data without ACK                     | TIME_WAIT    | none or ACK | TCP_NO_ACK?                             |  | 3.10.7.4, fifth: dropped; an ACK does no harm
  URG                                  | TIME_WAIT    | none or ACK |                                         |  | 3.10.7.4, fifth to eighth: only a FIN can come
`,
  calls: `
  OPEN     | TIME_WAIT | ALREADY_CONNECTED          | none |  | 3.10.1: connection already exists
  SEND     | TIME_WAIT | SHUT_DOWN or NOT_CONNECTED | none |  | 3.10.2: connection closing
  RECEIVE  | TIME_WAIT | end                        | none |  | 3.10.3: connection closing
  SHUTDOWN | TIME_WAIT | SHUT_DOWN or NOT_CONNECTED | none |  | 3.10.4: connection closing
  CLOSE    | TIME_WAIT | OK                         | none |  | 3.10.4: no second FIN
  ABORT    | TIME_WAIT | OK                         | none |  | deviates: 3.10.5 deletes the TCB; RFC 1337 keeps TIME-WAIT
  STATUS   | TIME_WAIT | CLOSED                     | none |  | 3.10.6; the handle's connection has ended
`,
});
