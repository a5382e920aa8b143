import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components";

import css from "./Button.module.css";

export interface ButtonProps extends Omit<AriaButtonProps, "className"> {
  /** `primary`: the one thing to do here. `danger`: what can't be undone. `bare`: an icon among others. */
  variant?: "plain" | "primary" | "danger" | "bare";
  className?: string;
}

/** A button in the page's dress. */
export function Button({ variant = "plain", className = "", ...props }: ButtonProps) {
  return <AriaButton {...props} className={`${css.button} ${css[variant]} ${className}`} />;
}
