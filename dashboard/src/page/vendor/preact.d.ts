/** As much of Preact, its hooks and htm as the page uses; the file itself is served out of the package `htm`. */

export type Child = VNode | string | number | boolean | null | undefined | readonly Child[]

export interface VNode {
  readonly type: unknown
  readonly props: unknown
}

export interface Context<T> {
  readonly Provider: unknown
  readonly phantom?: T
}

export declare function html(strings: TemplateStringsArray, ...values: unknown[]): VNode
export declare function render(tree: VNode, parent: Element): void
export declare function createContext<T>(fallback: T): Context<T>
export declare function useContext<T>(context: Context<T>): T
export declare function useState<T>(first: T | (() => T)): [T, (next: T | ((before: T) => T)) => void]
export declare function useRef<T>(first: T): { current: T }
export declare function useEffect(effect: () => undefined | (() => void), inputs?: readonly unknown[]): void
export declare function useLayoutEffect(
  effect: () => undefined | (() => void),
  inputs?: readonly unknown[],
): void
