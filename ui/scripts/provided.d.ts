import "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the service is that `npm run test:service` tests. */
    url: string;
  }
}
