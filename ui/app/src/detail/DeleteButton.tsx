import { useRemoval } from "@darkroom/react";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { Heading } from "react-aria-components";

import { Button } from "../ui/Button.js";
import { Sheet } from "../ui/Sheet.js";
import { sentenceOf } from "../words/errors.js";
import css from "./DeleteButton.module.css";

/** Deletes a job and its pictures, once somebody has said so twice. */
export function DeleteButton({ jobId, count, onDeleted }: { jobId: string; count: number; onDeleted: () => void }) {
  const { remove, isRemoving, error } = useRemoval();
  const [isAsking, setAsking] = useState(false);
  const close = () => {
    setAsking(false);
  };
  return (
    <>
      <Button
        variant="danger"
        onPress={() => {
          setAsking(true);
        }}
      >
        <Trash2 size={17} strokeWidth={1.75} aria-hidden />
        Delete
      </Button>
      <Sheet isOpen={isAsking} onClose={close} role="alertdialog" narrow>
        <Heading slot="title" className={css.title}>
          {count > 1 ? `Delete these ${count} pictures?` : "Delete this picture?"}
        </Heading>
        <p className={css.text}>It can’t be brought back.</p>
        <p className={css.problem} role="alert">
          {error !== undefined && `It is still there. ${sentenceOf(error)}`}
        </p>
        <div className={css.actions}>
          <Button onPress={close}>Keep</Button>
          <Button
            variant="danger"
            isDisabled={isRemoving}
            onPress={() =>
              void remove(jobId).then((isGone) => {
                if (isGone) onDeleted();
              })
            }
          >
            Delete
          </Button>
        </div>
      </Sheet>
    </>
  );
}
