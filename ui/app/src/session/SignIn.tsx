import { useAccess } from "@darkroom/react";
import { type SyntheticEvent, useState } from "react";
import { FieldError, Form, Heading, Input, Label, TextField } from "react-aria-components";

import { Button } from "../ui/Button.js";
import { Sheet } from "../ui/Sheet.js";
import { sentenceOf } from "../words/errors.js";
import css from "./SignIn.module.css";

/** Asks for an API key. The page keeps none: it is exchanged for a cookie, and then all goes on where it stopped. */
export function SignIn({
  isOpen,
  onClose,
  onSignedIn,
}: {
  isOpen: boolean;
  onClose: () => void;
  onSignedIn: () => void;
}) {
  const access = useAccess();
  const [key, setKey] = useState("");
  const [refusal, setRefusal] = useState<string>();
  const [isPending, setPending] = useState(false);

  const send = async () => {
    setPending(true);
    try {
      await access.signIn(key.trim());
      setKey("");
      onSignedIn();
    } catch (error) {
      setRefusal(sentenceOf(error));
    } finally {
      setPending(false);
    }
  };

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    void send();
  };

  return (
    <Sheet isOpen={isOpen} onClose={onClose} narrow>
      <Heading slot="title" className={css.title}>
        This darkroom asks for a key
      </Heading>
      <Form className={css.form} onSubmit={submit} validationBehavior="aria">
        <TextField
          className={css.field}
          type="password"
          value={key}
          onChange={(typed) => {
            setKey(typed);
            setRefusal(undefined);
          }}
          isInvalid={refusal !== undefined}
          isRequired
          // eslint-disable-next-line jsx-a11y-x/no-autofocus -- the dialog has come for this field
          autoFocus
          autoComplete="current-password"
        >
          <Label>API key</Label>
          <Input className={css.input} placeholder="dk_…" />
          <FieldError className={css.error}>{refusal}</FieldError>
        </TextField>
        <div className={css.actions}>
          <Button onPress={onClose}>Not now</Button>
          <Button type="submit" variant="primary" isDisabled={isPending || key.trim() === ""}>
            Sign in
          </Button>
        </div>
      </Form>
    </Sheet>
  );
}
