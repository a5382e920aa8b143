import { Activity, Aperture, Images } from "lucide-react";
import { Link } from "wouter";

import type { Standing } from "../service/standing.js";
import { Button } from "../ui/Button.js";
import { Connection } from "./Connection.js";
import css from "./Header.module.css";
import { Mark } from "./Mark.js";
import { ThemeSwitch } from "./ThemeSwitch.js";

const PLACES = [
  { href: "/", name: "Develop", Icon: Aperture },
  { href: "/gallery", name: "Gallery", Icon: Images },
  { href: "/operations", name: "Operations", Icon: Activity },
] as const;

interface HeaderProps {
  place: string;
  standing: Standing;
  /** Opens the question for a key, where one is missing. */
  onSignIn: (() => void) | undefined;
}

/** Where one is, where one can go, and how the service stands. */
export function Header({ place, standing, onSignIn }: HeaderProps) {
  return (
    <header className={css.header}>
      <Link href="/" className={css.home} aria-label="Darkroom, to the front page">
        <Mark />
        <span className={css.name}>Darkroom</span>
      </Link>
      <nav className={css.nav} aria-label="Main">
        {PLACES.map(({ href, name, Icon }) => (
          <Link key={href} href={href} className={css.place} aria-current={place === href ? "page" : undefined}>
            <Icon size={18} strokeWidth={1.75} aria-hidden />
            <span>{name}</span>
          </Link>
        ))}
      </nav>
      <div className={css.end}>
        {onSignIn !== undefined && <Button onPress={onSignIn}>Sign in</Button>}
        <Connection standing={standing} />
        <ThemeSwitch />
      </div>
    </header>
  );
}
