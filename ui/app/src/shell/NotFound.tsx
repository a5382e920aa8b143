import { Notice } from "../ui/Notice.js";
import { ButtonLink } from "../ui/ButtonLink.js";

/** An address that leads nowhere. */
export function NotFound() {
  return (
    <Notice title="There is nothing here" text="This address leads nowhere.">
      <ButtonLink href="/">Develop a picture</ButtonLink>
    </Notice>
  );
}
