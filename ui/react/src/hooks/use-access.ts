import type { DarkroomError, Session } from "@darkroom/client";
import { useSyncExternalStore } from "react";

import { useService } from "../context.js";

/** What {@link useAccess} tells. */
export interface AccessState {
  /** Why the service does not let this page in; `undefined` while nothing has said so. */
  readonly unauthorized: DarkroomError | undefined;
  /** Exchange an API key for the page's cookie; then all that had failed for the lack of it is tried again. */
  readonly signIn: (key: string) => Promise<Session>;
  /** Clear the cookie, and forget all that was seen. */
  readonly signOut: () => Promise<void>;
}

/** Whether the service lets this page in. `signIn` and `signOut` throw the client's `DarkroomError`. */
export function useAccess(): AccessState {
  const service = useService();
  const { read, subscribe, signIn } = service.access;
  const unauthorized = useSyncExternalStore(subscribe, read, read);
  return { unauthorized, signIn, signOut: () => service.signOut() };
}
