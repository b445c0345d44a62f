// Types of drivers.mjs for the tests.

export const DRIVERS_LIBRARY: string;

export function buildDrivers(): string;
