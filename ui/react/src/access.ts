/** Whether the service lets this page in. No React in here. */

import { type Darkroom, type DarkroomError, type Session, UnauthorizedError } from "@darkroom/client";

/** Remembers a 401 from anywhere until somebody has signed in. */
export class Access {
  readonly #client: Darkroom;
  readonly #onChange: (unauthorized: boolean) => void;
  readonly #listeners = new Set<() => void>();
  #error: UnauthorizedError | undefined;

  /** @param onChange - is told when the page is let in no more, and when it is again. */
  constructor(client: Darkroom, onChange: (unauthorized: boolean) => void) {
    this.#client = client;
    this.#onChange = onChange;
  }

  /** Why nobody is let in; `undefined` while nothing has said so. */
  readonly read = (): UnauthorizedError | undefined => this.#error;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** An error from anywhere; all but a 401 is none of its business, and only the first one of those is news. */
  readonly tell = (error: DarkroomError): void => {
    if (!(error instanceof UnauthorizedError) || this.#error !== undefined) return;
    this.#set(error);
    this.#onChange(true);
  };

  /** Exchange a key for the page's cookie. Throws DarkroomError if the service does not take it. */
  readonly signIn = async (key: string): Promise<Session> => {
    const session = await this.#client.signIn(key);
    this.#set(undefined);
    this.#onChange(false);
    return session;
  };

  /** Clear the cookie. */
  readonly signOut = async (): Promise<void> => {
    await this.#client.signOut();
  };

  #set(error: UnauthorizedError | undefined): void {
    this.#error = error;
    for (const listener of [...this.#listeners]) listener();
  }
}
