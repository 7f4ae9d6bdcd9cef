"""Communication: what policy allows now, who must know, and the story for people."""
