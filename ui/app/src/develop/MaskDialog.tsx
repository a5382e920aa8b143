import type { SourcePicture } from "@darkroom/react";
import { MaskCanvas } from "@darkroom/react/mask-canvas";
import { useState } from "react";
import { Heading } from "react-aria-components";

import { Button } from "../ui/Button.js";
import { Sheet } from "../ui/Sheet.js";
import css from "./MaskDialog.module.css";

interface MaskDialogProps {
  image: SourcePicture;
  mask: SourcePicture | undefined;
  /** With the mask as it was painted; `undefined`: none. */
  onDone: (mask: SourcePicture | undefined) => void;
  onClose: () => void;
}

/** Where one paints over what shall be made anew. */
export default function MaskDialog({ image, mask, onDone, onClose }: MaskDialogProps) {
  const [painted, setPainted] = useState(mask);
  return (
    <Sheet isOpen isDismissable={false} onClose={onClose}>
      <Heading slot="title" className={css.title}>
        Paint over what shall be made anew
      </Heading>
      <MaskCanvas image={image} value={painted} onChange={setPainted} className={css.canvas} />
      <div className={css.actions}>
        <Button onPress={onClose}>Cancel</Button>
        <Button
          variant="primary"
          onPress={() => {
            onDone(painted);
          }}
        >
          Use this mask
        </Button>
      </div>
    </Sheet>
  );
}
