// The little of autocannon that the tests use; the package has no types.
declare module "autocannon" {
  interface Result {
    "2xx": number;
    non2xx: number;
    errors: number;
    timeouts: number;
    requests: { total: number; sent: number };
  }
  export default function autocannon(options: {
    url: string;
    /** Connections open at the same time. */
    connections: number;
    /** Requests in all. */
    amount: number;
  }): Promise<Result>;
}
