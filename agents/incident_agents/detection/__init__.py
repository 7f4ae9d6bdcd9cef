"""Detection: is the symptom real, and is it there now?"""
