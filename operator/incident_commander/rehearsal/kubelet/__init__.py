"""The kubelet: runs the containers of pods as behaviours say, and reports as the real one does."""
