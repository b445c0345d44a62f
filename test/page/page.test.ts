// The page in a real browser: headless Chromium against a whole service.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Counter } from "../../host/abi.js";
import { TcpFlag, parseEthernet } from "../../host/packet/index.js";
import { missingTools } from "../report/tools.js";
import { expectNoConnections, startService } from "../serve/support.js";
import { expectPhase, numberAt, numberUntil, open, pointsOf, startBrowser, type Visitor } from "./browser.js";
