import { Check, Link2 } from "lucide-react";
import { useEffect, useState } from "react";

import { Button } from "../ui/Button.js";

const SAID_MS = 2_000;

/** Copies this page's address, where the browser lets a page do that. */
export function CopyLink() {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const done = setTimeout(() => {
      setCopied(false);
    }, SAID_MS);
    return () => {
      clearTimeout(done);
    };
  }, [isCopied]);

  if (!isSecureContext) return null;
  const Icon = isCopied ? Check : Link2;
  return (
    <Button
      onPress={() =>
        void navigator.clipboard.writeText(location.href).then(
          () => {
            setCopied(true);
          },
          () => undefined,
        )
      }
    >
      <Icon size={17} strokeWidth={1.75} aria-hidden />
      <span aria-live="polite">{isCopied ? "Copied" : "Copy link"}</span>
    </Button>
  );
}
