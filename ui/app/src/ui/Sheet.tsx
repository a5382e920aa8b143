import type { ReactNode } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";

import css from "./Sheet.module.css";

interface SheetProps {
  isOpen: boolean;
  onClose: () => void;
  /** Names the dialog where it has no heading in the `title` slot. */
  label?: string;
  /** A click beside it closes it; absent: it does. */
  isDismissable?: boolean;
  /** As wide as a question, not as a tool. */
  narrow?: boolean;
  /** `alertdialog`: a question that must be answered. */
  role?: "dialog" | "alertdialog";
  children: ReactNode;
}

/** A dialog: in the middle of a wide window, rising from the bottom of a narrow one. */
export function Sheet(props: SheetProps) {
  const { isOpen, onClose, label, isDismissable = true, narrow = false, role = "dialog", children } = props;
  return (
    <ModalOverlay
      className={css.overlay}
      isOpen={isOpen}
      isDismissable={isDismissable}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Modal className={`${css.modal} ${narrow ? css.narrow : ""}`}>
        <Dialog className={css.dialog} role={role} aria-label={label}>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
