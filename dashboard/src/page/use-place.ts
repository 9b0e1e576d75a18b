import { type Place, placeOf } from './place.ts'
import { useEffect, useState } from './vendor/preact.js'

/** The place of now; follows the address. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash))
  useEffect(() => {
    const follow = () => setPlace(placeOf(location.hash))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return place
}
