import type { ReactNode } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";

import css from "./Sheet.module.css";

interface SheetProps {
  isOpen: boolean;
  onClose: () => void;
  /** Names the dialog where it has no heading in the `title` slot. */
  label?: string;
  /** As wide as a question, not as a tool. */
  narrow?: boolean;
  /** `alertdialog`: a question that must be answered. */
  role?: "dialog" | "alertdialog";
  children: ReactNode;
}

/** A dialog: in the middle of a wide window, rising from the bottom of a narrow one. */
export function Sheet({ isOpen, onClose, label, narrow = false, role = "dialog", children }: SheetProps) {
  return (
    <ModalOverlay
      className={css.overlay}
      isOpen={isOpen}
      isDismissable
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
