import type { ComponentProps } from "react";
import { Link } from "wouter";

import css from "./Button.module.css";

interface ButtonLinkProps extends Omit<ComponentProps<"a">, "href"> {
  href: string;
  variant?: "plain" | "primary" | "bare";
}

/** A link within the page, in a button's dress. */
export function ButtonLink({ variant = "plain", className = "", ...props }: ButtonLinkProps) {
  return <Link {...props} className={`${css.button} ${css[variant]} ${className}`} />;
}
