//! Conditions: what an object's state is, as people, `kubectl wait`, Argo CD and Flux read it. Pure.
