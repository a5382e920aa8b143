import { type RefObject, useEffect, useRef, useState } from "react";

/** An element, and its width / height as it is now. */
export function useRoom<T extends HTMLElement>(): { ref: RefObject<T | null>; aspect: number } {
  const ref = useRef<T>(null);
  const [aspect, setAspect] = useState(1);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      const { clientWidth, clientHeight } = element;
      if (clientHeight > 0) setAspect(clientWidth / clientHeight);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  return { ref, aspect };
}
