import { Moon, Sun } from "lucide-react";
import { useState } from "react";

import { Button } from "../ui/Button.js";
import { chooseTheme, currentTheme } from "./theme.js";

/** Dark or light; what was chosen is kept. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(currentTheme);
  const other = theme === "dark" ? "light" : "dark";
  const Icon = other === "light" ? Sun : Moon;
  return (
    <Button
      variant="bare"
      aria-label={`Switch to the ${other} theme`}
      onPress={() => {
        chooseTheme(other);
        setTheme(other);
      }}
    >
      <Icon size={18} strokeWidth={1.75} aria-hidden />
    </Button>
  );
}
